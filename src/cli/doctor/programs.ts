import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { systemCode } from '../../base/errors.ts';
import type { Environment } from '../io.ts';
import { type Finding, advice, missing, ok } from './check.ts';

const run = promisify(execFile);

const OLDEST_NODE = 24;
/** The oldest HAProxy whose runtime API adds and removes servers without a reload (Debian 12 has 2.6). */
const OLDEST_HAPROXY = [2, 6] as const;

export function checkNode(version: string): Finding {
  const [major] = numbers(version);
  if ((major ?? 0) >= OLDEST_NODE) return ok('node', `Node ${version}`);
  return missing(
    'node',
    `Node ${version} is older than ${OLDEST_NODE}`,
    'In a checkout: npm run setup. It brings its own Node along',
  );
}

export async function checkHaproxy(env: Environment): Promise<Finding> {
  const version = await versionOf('haproxy', ['-v'], env);
  if (version === undefined) return missing('haproxy', 'HAProxy is not installed', 'apt-get install haproxy');
  const [major = 0, minor = 0] = numbers(version);
  const [oldestMajor, oldestMinor] = OLDEST_HAPROXY;
  const old = major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
  if (!old) return ok('haproxy', `HAProxy ${version}`);
  return missing(
    'haproxy',
    `HAProxy ${version} is older than ${OLDEST_HAPROXY.join('.')}`,
    'Install a newer one: https://haproxy.debian.net',
  );
}

export async function checkCertbot(env: Environment): Promise<Finding> {
  const version = await versionOf('certbot', ['--version'], env);
  return version === undefined
    ? missing('certbot', 'certbot is not installed; certificates need it', 'apt-get install certbot')
    : ok('certbot', `certbot ${version}`);
}

export async function checkOpenssl(env: Environment): Promise<Finding> {
  const version = await versionOf('openssl', ['version'], env);
  return version === undefined
    ? advice(
        'openssl',
        'openssl is not installed; it helps to look into certificates',
        'apt-get install openssl',
      )
    : ok('openssl', `OpenSSL ${version}`);
}

/** The first number with a dot that a program prints of itself; `undefined` when it is not there. */
async function versionOf(
  program: string,
  args: readonly string[],
  env: Environment,
): Promise<string | undefined> {
  // Debian keeps haproxy in /usr/sbin, which is not on every user's path.
  const path = [env['PATH'], '/usr/sbin', '/sbin', '/usr/local/sbin'].filter(Boolean).join(':');
  try {
    const { stdout, stderr } = await run(program, [...args], {
      env: { ...env, PATH: path },
      timeout: 10_000,
    });
    return /\d+(\.\d+)+\S*/.exec(stdout + stderr)?.[0] ?? 'of unknown version';
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function numbers(version: string): number[] {
  return version.split(/[.-]/).map(Number);
}
