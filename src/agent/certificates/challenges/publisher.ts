/**
 * Makes the TXT records by which names are proved. Several values may stand at one name at the same time: a domain and
 * its wildcard are proved at the same one.
 */
export interface ChallengePublisher {
  /**
   * Adds a value, and resolves when the zone has it. Adding what is there already is no fault.
   * @param name such as `_acme-challenge.app.example.com`
   */
  publish(name: string, value: string): Promise<void>;
  /** Takes a value away, and leaves all others. Taking away what is not there is no fault. */
  remove(name: string, value: string): Promise<void>;
}
