import { createHash, generateKeyPairSync } from 'node:crypto';

/** A pair of SSH keys as files hold them. */
export interface KeyPair {
  /** OpenSSH's private key format, without a passphrase. */
  private: string;
  /** One line, as in authorized_keys. */
  public: string;
}

const TYPE = 'ssh-ed25519';
/** The format fills up to the block of a cipher, which is 8 where there is none. */
const BLOCK = 8;
const LINE = /.{1,70}/g;

/** A new Ed25519 pair. ssh2 can make them too, but one in 256 of its own has lost a zero byte and is refused everywhere. */
export function generateKeyPair(comment: string): KeyPair {
  const { x = '', d = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const [key, seed] = [Buffer.from(x, 'base64url'), Buffer.from(d, 'base64url')];
  const wire = Buffer.concat([field(TYPE), field(key)]);
  return {
    private: pem(privateBytes(wire, key, seed, comment)),
    public: `${TYPE} ${wire.toString('base64')} ${comment}`,
  };
}

/** `SHA256:…` as ssh-keygen and OpenSSH show it, of a public key in SSH's wire format. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The fingerprint of a line of a public key file. */
export function fingerprintOfLine(line: string): string {
  return fingerprint(Buffer.from(line.split(' ')[1] ?? '', 'base64'));
}

/** As PROTOCOL.key of OpenSSH describes it. The two equal numbers say whether a passphrase was right; here is none. */
function privateBytes(wire: Buffer, key: Buffer, seed: Buffer, comment: string): Buffer {
  const secret = Buffer.concat([
    number(0),
    number(0),
    wire,
    field(Buffer.concat([seed, key])),
    field(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: -secret.length & (BLOCK - 1) }, (_, at) => at + 1));
  return Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    number(1),
    field(wire),
    field(Buffer.concat([secret, padding])),
  ]);
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(LINE) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join(
    '\n',
  );
}

function field(value: string | Buffer): Buffer {
  return Buffer.concat([number(Buffer.byteLength(value)), Buffer.from(value)]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
