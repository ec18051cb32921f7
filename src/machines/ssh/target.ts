/** A machine that is reached by SSH. */
export interface SshTarget {
  /** Address or name. */
  host: string;
  port: number;
  /** root, or a user that may use sudo without a password. */
  user: string;
  /** PEM or OpenSSH format, without a passphrase. */
  privateKey: string;
  /** Fingerprint of the key by which the machine is told from an impostor: `SHA256:…`. */
  hostKey: string;
}
