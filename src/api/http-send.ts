import type { PeerCertificate } from 'node:tls';
import type { Send } from './client.ts';

export interface HttpSendOptions {
  /**
   * PEM text of a certificate or CA to trust besides the system's. A control plane that shows the very certificate
   * given here is trusted under any name, so that a self-made one works by address too.
   */
  certificate?: string | undefined;
}

/** Carries requests by `node:http`: loading `fetch` takes longer than all the rest of a short command. */
export function createHttpSend({ certificate }: HttpSendOptions = {}): Send {
  // An import statement would read every export, and one of them loads what `fetch` loads.
  const plain = process.getBuiltinModule('node:http');
  const trust = certificate === undefined ? {} : trustOptions(certificate);
  const agents = new Map<string, InstanceType<typeof plain.Agent>>();
  return (url, { method, headers, body, signal }) => {
    const isTls = url.protocol === 'https:';
    const { request, Agent } = isTls ? process.getBuiltinModule('node:https') : plain;
    const agent = agents.get(url.protocol) ?? new Agent({ keepAlive: true, ...(isTls ? trust : {}) });
    agents.set(url.protocol, agent);
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    return new Promise((resolve, reject) => {
      const sent = request(url, {
        agent,
        method,
        headers: { ...headers, ...length },
        ...(signal ? { signal } : {}),
      });
      sent.once('error', reject);
      sent.once('response', (response) => {
        const status = response.statusCode ?? 0;
        resolve({
          status,
          ok: status >= 200 && status < 300,
          headers: {
            get: (name) => [response.headers[name.toLowerCase()] ?? null].flat().join(', ') || null,
          },
          text: () => readAll(response),
          body: response,
        });
      });
      sent.end(body);
    });
  };
}

function trustOptions(certificate: string) {
  const tls = process.getBuiltinModule('node:tls');
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  const blocks = certificate.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const known = new Set(blocks.map((block) => new X509Certificate(block).fingerprint256));
  return {
    ca: [...tls.rootCertificates, ...blocks],
    allowPartialTrustChain: true,
    checkServerIdentity: (host: string, shown: PeerCertificate) =>
      known.has(shown.fingerprint256) ? undefined : tls.checkServerIdentity(host, shown),
  };
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  stream.setEncoding('utf8');
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
