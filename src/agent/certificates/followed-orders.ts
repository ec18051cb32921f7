import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { CertificateOrders } from './orders/orders.ts';
import type { AcmeSettings } from './settings.ts';
import { createToldSettings } from './told-settings.ts';
import type { WantedCertificates } from './wanted.ts';

/** The same by settings that may change while the agent runs. */
export interface FollowedOrders extends CertificateOrders {
  /**
   * Goes by the control plane's settings from now on, as far as this machine has none of its own. What is under way is
   * handed over as at a restart of the agent: runs of certbot are seen through.
   */
  follow(settings: unknown): Promise<void>;
}

export interface FollowedOrdersOptions {
  /** Folder of everything that belongs to certificates. */
  root: string;
  /** The agent's own environment. */
  env: Readonly<Record<string, string | undefined>>;
  make(settings: AcmeSettings): CertificateOrders;
}

export function createFollowedOrders({ root, env, make }: FollowedOrdersOptions): FollowedOrders {
  const told = createToldSettings(join(root, 'settings'));
  const wanted = new Map<string, WantedCertificates>();
  const listeners: ((id: string) => void)[] = [];
  const tell = (id: string) => listeners.forEach((listener) => listener(id));
  const makeOne = () => {
    const made = make(told.settings(env));
    made.onChange(tell);
    return made;
  };
  let current = makeOne();
  /** Ends the one that runs, and resolves when it has ended. */
  let turn = { ending: new AbortController(), ended: Promise.resolve() };
  /** Resolves when another one has taken its place. */
  let replacing = Promise.resolve();

  const replace = async () => {
    turn.ending.abort();
    await turn.ended;
    const next = makeOne();
    await next.load();
    for (const each of wanted.values()) next.want(each);
    current = next;
  };

  return {
    async load() {
      await told.load();
      current = makeOne();
      await current.load();
    },
    async follow(settings) {
      const before = told.settings(env);
      // A machine with settings of its own goes on by them.
      if (!(await told.take(settings)) || isDeepStrictEqual(told.settings(env), before)) return;
      replacing = replace();
      await replacing;
      for (const id of wanted.keys()) tell(id);
    },
    want(loadBalancer) {
      wanted.set(loadBalancer.id, loadBalancer);
      current.want(loadBalancer);
    },
    forget(id) {
      wanted.delete(id);
      current.forget(id);
    },
    leave(id) {
      wanted.delete(id);
      return current.leave(id);
    },
    obtained: (id) => current.obtained(id),
    thumbprint: () => current.thumbprint(),
    authority: () => current.authority(),
    renewNow: (id, domain) => current.renewNow(id, domain),
    refuse: (domain, serial, why) => current.refuse(domain, serial, why),
    hear: (domain, serial, word) => current.hear(domain, serial, word),
    state: (id) => current.state(id),
    onChange: (listener) => void listeners.push(listener),
    async run(signal) {
      while (!signal.aborted) {
        const ending = new AbortController();
        turn = { ending, ended: current.run(AbortSignal.any([signal, ending.signal])) };
        await turn.ended;
        await replacing;
      }
    },
  };
}
