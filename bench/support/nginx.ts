import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { type Address, type Program, startProgram } from './program.ts';

/** An nginx of our own, in the foreground. */
export interface Nginx extends Program {
  /** Has it read another configuration (SIGHUP), as `nginx -s reload` does. */
  reload(body: string): Promise<void>;
}

const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

/** Whether it can carry TCP. On Debian that is a package of its own. */
export const hasStreams = existsSync(STREAM_MODULE);

/** @param body what stands in the configuration beside the events and the process's own files. */
export async function startNginx(body: string, listensOn: Address): Promise<Nginx> {
  const directory = await temporaryDirectory();
  const file = join(directory.path, 'nginx.conf');
  const write = (text: string) => writeFile(file, wholeConfig(directory.path, text));
  await write(body);
  const args = ['-p', directory.path, '-c', file, '-e', 'stderr', '-g', 'daemon off;'];
  try {
    const program = await startProgram({ command: 'nginx', args, listensOn });
    return {
      ...program,
      async reload(next) {
        await write(next);
        process.kill(program.pid, 'SIGHUP');
      },
      async stop() {
        await program.stop();
        await directory.remove();
      },
    };
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

function wholeConfig(directory: string, body: string): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${directory}/${name};\n`,
  );
  return `
${hasStreams ? `load_module ${STREAM_MODULE};` : ''}
user root;
worker_processes 2;
worker_rlimit_nofile 20000;
pid ${directory}/nginx.pid;
error_log stderr error;
events { worker_connections 8000; }
${body.replace('http {', `http {\n${paths.join('')}`)}
`;
}
