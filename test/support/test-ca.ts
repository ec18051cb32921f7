import { execFileSync, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from './wait.ts';

/** A certificate of a test's CA with its key. */
export interface Issued {
  /** PEM of the certificate and what lies between it and the CA. */
  certificate: string;
  privateKey: string;
  /** Both, as one file. */
  bundle: string;
  /** Path of that file. */
  path: string;
  serial: string;
}

export interface IssueOptions {
  /** Names that it is for; the first is the common name. */
  names: readonly string[];
  /** Common name. Default: the first of the names. */
  subject?: string;
  /** Arguments of `openssl genpkey`. Default: an EC key on P-256. */
  key?: readonly string[];
  /** Further lines of extensions. */
  extensions?: readonly string[];
  /** Days that it lasts, from now; below zero it has ended. Default: 30. */
  days?: number;
  digest?: string;
  /** Whether it comes from an intermediate CA. */
  intermediate?: boolean;
}

/** A small CA of openssl's, in a folder. */
export interface TestCa {
  /** PEM of its own certificate. */
  pem: string;
  issue(options: IssueOptions): Issued;
  /** Has it answer on a port of 127.0.0.1 how the certificates of up to now are (OCSP), until what is returned is called. */
  respond(port: number): Promise<() => Promise<void>>;
  /** Its revocation list (PEM), with those certificates on it. */
  revocationList(revoked: readonly Issued[], days?: number): string;
}

const EC = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
let count = 0;

export function createTestCa(parent: string, name = 'Test CA'): TestCa {
  count += 1;
  const directory = join(parent, `ca-${count}`);
  mkdirSync(directory);
  const at = (file: string) => join(directory, file);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  writeFileSync(
    at('ca.cnf'),
    [
      '[ca]',
      'default_ca = own',
      '[own]',
      `dir = ${directory}`,
      'database = $dir/index',
      'serial = $dir/serial',
      'crlnumber = $dir/crlnumber',
      'new_certs_dir = $dir',
      'default_md = sha256',
      'default_days = 30',
      'policy = any',
      'copy_extensions = none',
      'unique_subject = no',
      '[any]',
      'commonName = supplied',
      '[req]',
      'distinguished_name = dn',
      '[dn]',
      '',
    ].join('\n'),
  );
  writeFileSync(at('index'), '');
  writeFileSync(at('serial'), '1001\n');
  writeFileSync(at('crlnumber'), '01\n');
  const authority = [
    '-addext',
    'basicConstraints=critical,CA:TRUE',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
  ];
  openssl('genpkey', ...EC, '-out', 'ca.key');
  openssl(
    'req',
    '-x509',
    '-new',
    '-config',
    'ca.cnf',
    '-key',
    'ca.key',
    '-days',
    '365',
    '-subj',
    `/CN=${name}`,
    '-out',
    'ca.pem',
    ...authority,
  );
  let made = 0;

  const sign = (
    file: string,
    subject: string,
    options: Omit<IssueOptions, 'names' | 'subject'>,
    by: string,
  ) => {
    const { key = EC, extensions = [], days = 30, digest = 'sha256' } = options;
    openssl('genpkey', ...key, '-out', `${file}.key`);
    openssl(
      'req',
      '-new',
      '-config',
      'ca.cnf',
      '-key',
      `${file}.key`,
      '-subj',
      `/CN=${subject}`,
      '-out',
      `${file}.csr`,
    );
    writeFileSync(at(`${file}.ext`), `${extensions.join('\n')}\n`);
    const stamp = (ms: number) => new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
    const now = Date.now();
    const from = days < 0 ? now + (days - 30) * 86_400_000 : now - 86_400_000;
    openssl(
      'ca',
      '-batch',
      '-notext',
      '-config',
      'ca.cnf',
      '-cert',
      `${by}.pem`,
      '-keyfile',
      `${by}.key`,
      '-md',
      digest,
      '-startdate',
      stamp(from),
      '-enddate',
      stamp(now + days * 86_400_000),
      '-in',
      `${file}.csr`,
      '-extfile',
      `${file}.ext`,
      '-out',
      `${file}.pem`,
    );
  };

  return {
    pem: readFileSync(at('ca.pem'), 'utf8'),
    issue({ names, intermediate = false, extensions = [], subject = names[0] ?? 'nobody', ...options }) {
      made += 1;
      const file = `leaf-${made}`;
      if (intermediate && made > 0)
        sign(
          `inter-${made}`,
          'Test intermediate',
          { extensions: ['basicConstraints=critical,CA:TRUE'] },
          'ca',
        );
      const by = intermediate ? `inter-${made}` : 'ca';
      const alternatives =
        names.length > 0
          ? [
              `subjectAltName=${names.map((text) => (/^[0-9.]+$/.test(text) ? `IP:${text}` : `DNS:${text}`)).join(',')}`,
            ]
          : [];
      sign(file, subject.slice(0, 64), { ...options, extensions: [...alternatives, ...extensions] }, by);
      const leaf = readFileSync(at(`${file}.pem`), 'utf8');
      const certificate = leaf + (intermediate ? readFileSync(at(`${by}.pem`), 'utf8') : '');
      const privateKey = readFileSync(at(`${file}.key`), 'utf8');
      const path = at(`${file}-bundle.pem`);
      writeFileSync(path, certificate + privateKey);
      return {
        certificate,
        privateKey,
        bundle: certificate + privateKey,
        path,
        serial: new X509Certificate(leaf).serialNumber,
      };
    },
    async respond(port) {
      const own = ['-index', 'index', '-CA', 'ca.pem', '-rsigner', 'ca.pem', '-rkey', 'ca.key'];
      const args = ['ocsp', ...own, '-port', String(port), '-ndays', '4'];
      const responder = spawn('openssl', args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      for (const stream of [responder.stdout, responder.stderr])
        stream.on('data', (chunk) => (said += String(chunk)));
      // It serves one at a time: a connection that asks nothing would hold it up.
      await waitFor('the responder', () => /ACCEPT|waiting for/i.test(said));
      const ended = new Promise<void>((resolve) => responder.once('exit', () => resolve()));
      return () => {
        responder.kill('SIGKILL');
        return ended;
      };
    },
    revocationList(revoked, days = 30) {
      for (const { path } of revoked)
        openssl('ca', '-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-revoke', path);
      openssl(
        'ca',
        '-config',
        'ca.cnf',
        '-cert',
        'ca.pem',
        '-keyfile',
        'ca.key',
        '-gencrl',
        '-crldays',
        String(days),
        '-out',
        'crl.pem',
      );
      return readFileSync(at('crl.pem'), 'utf8');
    },
  };
}
