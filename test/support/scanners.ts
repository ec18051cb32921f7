import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';
import { temporaryDirectory } from './temporary.ts';

/** What is looked at: who serves, and the name that is asked for. */
export interface Scanned {
  address: string;
  port?: number;
  name: string;
}

/** What `sslscan` has found. It tries every protocol and cipher by itself, with a TLS library of its own. */
export interface SslScan {
  /** Such as `TLSv1.2`. */
  protocols: string[];
  /** `TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256 strong` */
  ciphers: string[];
  /** Curves and groups on which keys are agreed. */
  groups: string[];
  /** Whether clients may shake hands again on the same connection. */
  isRenegotiated: boolean;
}

export async function sslScan({ address, port = 443, name }: Scanned): Promise<SslScan> {
  const { code, stdout, stderr } = await run(
    'sslscan',
    ['--xml=-', `--sni-name=${name}`, '--no-colour', `${address}:${port}`],
    process.env,
  );
  if (code !== 0 || !stdout.includes('<ssltest')) throw new Error(`sslscan: ${stdout}${stderr}`);
  const elements = (tag: string) =>
    [...stdout.matchAll(new RegExp(`<${tag} ([^>]*)/>`, 'g'))].map(([, attributes = '']) =>
      Object.fromEntries(
        [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
      ),
    );
  return {
    protocols: elements('protocol')
      .filter(({ enabled }) => enabled === '1')
      .map(({ type, version }) => `${type === 'tls' ? 'TLSv' : 'SSLv'}${version}`),
    ciphers: elements('cipher').map(
      ({ sslversion, cipher, strength }) => `${sslversion} ${cipher} ${strength}`,
    ),
    groups: [...new Set(elements('group').map(({ name: group = '' }) => group))].sort((a, b) =>
      a.localeCompare(b),
    ),
    isRenegotiated: elements('renegotiation').some(({ supported }) => supported === '1'),
  };
}

/** One sentence of testssl.sh's judgement. */
export interface Judgement {
  id: string;
  /** `OK`, `INFO` and `WARN` are no weakness; `LOW`, `MEDIUM`, `HIGH` and `CRITICAL` are. */
  severity: string;
  finding: string;
}

/** @param parts options that choose what is looked at: all of it takes minutes. */
export async function testSsl(
  { address, port = 443, name }: Scanned,
  parts: readonly string[],
): Promise<Judgement[]> {
  const directory = await temporaryDirectory();
  const file = join(directory.path, 'out.json');
  try {
    const { stdout, stderr } = await run(
      'testssl',
      [
        '--quiet',
        '--color',
        '0',
        '--warnings',
        'off',
        '--nodns',
        'none',
        '--jsonfile',
        file,
        '--ip',
        address,
        ...parts,
        `${name}:${port}`,
      ],
      { ...process.env, TMPDIR: directory.path },
    );
    const judgements = JSON.parse(await readFile(file, 'utf8')) as Judgement[];
    // Its last word; without it something has ended it.
    if (!judgements.some(({ id }) => id === 'scanTime')) throw new Error(`testssl: ${stdout}${stderr}`);
    return judgements;
  } finally {
    await directory.remove();
  }
}

/** What testssl.sh calls weak. */
export function weaknesses(judgements: readonly Judgement[]): string[] {
  return judgements
    .filter(({ severity }) => !['OK', 'INFO', 'WARN', 'DEBUG'].includes(severity))
    .map(({ id, severity, finding }) => `${severity} ${id}: ${finding}`);
}
