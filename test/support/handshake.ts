import { connect } from 'node:net';
import { type PeerCertificate, type TLSSocket, connect as connectTls } from 'node:tls';

export interface HandshakeOptions {
  port?: number;
  /** The name that is asked for; none if not given. */
  name?: string | undefined;
  /** PEM of the CA to trust. Default: whoever it is. */
  ca?: string;
  /** PEM of the client's own certificate and key. */
  cert?: string;
  key?: string;
  maxVersion?: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  minVersion?: 'TLSv1' | 'TLSv1.2' | 'TLSv1.3';
  /** Sent once the handshake is done; the answer is read to its end. */
  request?: string;
}

export interface Handshake {
  certificate: PeerCertificate;
  protocol: string | null;
  cipher: string;
  /** Whether the CA vouches for it, for that name. */
  authorized: boolean;
  answer: string;
  /** What the CA says of the certificate (OCSP, DER); undefined when the server told nothing. */
  staple: Buffer | undefined;
}

/** One TLS handshake on a connection of its own. Rejects when it fails. */
export function handshake(host: string, options: HandshakeOptions = {}): Promise<Handshake> {
  const { port = 443, name, ca, cert, key, maxVersion, minVersion, request } = options;
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connectTls({
      socket: connect(port, host),
      rejectUnauthorized: false,
      requestOCSP: true,
      ...(name === undefined ? {} : { servername: name }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert, key }),
      ...(maxVersion === undefined ? {} : { maxVersion }),
      ...(minVersion === undefined ? {} : { minVersion }),
      ...(maxVersion === 'TLSv1.1' ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {}),
    });
    let answer = '';
    let staple: Buffer | undefined;
    let seen: Omit<Handshake, 'answer' | 'staple'> | undefined;
    socket.once('OCSPResponse', (response: Buffer | null) => (staple = response ?? undefined));
    socket
      .setEncoding('utf8')
      .setTimeout(10_000, () => socket.destroy(new Error('no handshake within 10 s')));
    socket.once('secureConnect', () => {
      seen = {
        certificate: socket.getPeerCertificate(),
        protocol: socket.getProtocol(),
        cipher: socket.getCipher().name,
        authorized: socket.authorized,
      };
      // With TLS 1.3 a client learns only by its first read that its own certificate was refused.
      if (request === undefined) socket.end();
      else socket.write(request);
    });
    socket.on('data', (chunk) => (answer += String(chunk)));
    socket.once('error', reject);
    socket.once('close', () =>
      seen ? resolve({ ...seen, answer, staple }) : reject(new Error('no handshake')),
    );
  });
}

/** Serial of the certificate that is shown for a name, upper-case hexadecimal. */
export async function servedSerial(host: string, name?: string, port = 443): Promise<string> {
  return (await handshake(host, { name, port })).certificate.serialNumber;
}

/** A request that is answered on a connection that ends with it. */
export function get(host: string, path = '/', headers: Record<string, string> = {}): string {
  const lines = Object.entries({ host, connection: 'close', ...headers }).map(
    ([key, value]) => `${key}: ${value}\r\n`,
  );
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
