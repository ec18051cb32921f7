import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import { AppError, messageOf } from '../../base/errors.ts';

/** How a command ended. */
export interface CommandEnd {
  /** Exit code; undefined when a signal ended it. */
  code: number | undefined;
  stdout: string;
  stderr: string;
}

/** What a command says is kept up to here: the machine may be anybody's by now. */
const MOST_OUTPUT = 256 * 1024;

export async function execute(client: Client, command: string, stdin: string): Promise<CommandEnd> {
  const channel = await open(client, command);
  return new Promise((resolve, reject) => {
    const stdout = collect(channel);
    const stderr = collect(channel.stderr);
    let code: number | undefined;
    channel.on('exit', (given: number | null) => (code = given ?? undefined));
    channel.once('error', reject);
    channel.once('close', () => resolve({ code, stdout: stdout(), stderr: stderr() }));
    channel.end(stdin);
  });
}

function open(client: Client, command: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => (error ? reject(error) : resolve(channel)));
  });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size < MOST_OUTPUT) chunks.push(chunk);
    size += chunk.length;
  });
  return () => Buffer.concat(chunks).subarray(0, MOST_OUTPUT).toString('utf8');
}

/** @throws AppError `machine_copy_failed` */
export async function put(client: Client, from: string, to: string): Promise<void> {
  try {
    const sftp = await openSftp(client);
    await new Promise<void>((resolve, reject) => {
      sftp.fastPut(from, to, { mode: 0o600 }, (error) => (error ? reject(error) : resolve()));
    });
    sftp.end();
  } catch (cause) {
    throw new AppError(
      'machine_copy_failed',
      `a file could not be copied to the machine: ${messageOf(cause)}`,
      {
        hint: 'The machine needs the SFTP part of its SSH server (Debian: openssh-sftp-server) and space in /var/tmp.',
        cause,
      },
    );
  }
}

function openSftp(client: Client): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => (error ? reject(error) : resolve(sftp)));
  });
}
