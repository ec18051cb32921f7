import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';

/** A pair of SSH keys as files hold them. */
export interface KeyPair {
  /** OpenSSH's private key format. */
  private: string;
  /** One line, as in authorized_keys. */
  public: string;
}

export function generateKeyPair(comment: string): KeyPair {
  return ssh2.utils.generateKeyPairSync('ed25519', { comment });
}

/** `SHA256:…` as ssh-keygen and OpenSSH show it, of a public key in SSH's wire format. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The fingerprint of a line of a public key file. */
export function fingerprintOfLine(line: string): string {
  return fingerprint(Buffer.from(line.split(' ')[1] ?? '', 'base64'));
}
