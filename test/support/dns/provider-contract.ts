import type { Resolver } from 'node:dns/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planRecords, planRemoval, namesToRead } from '../../../src/dns/plan.ts';
import type { DnsProvider, ProviderContext } from '../../../src/dns/provider.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { ownershipName, ownershipText } from '../../../src/dns/ownership.ts';
import { findSet } from '../../../src/dns/records.ts';

/** A provider with whatever serves it, started for the tests of one file. */
export interface ProviderScene {
  provider: DnsProvider;
  /** The same zone with a credential that is not accepted. */
  withWrongCredential: DnsProvider;
  /** A zone that is not there, with the right credential. */
  ofUnknownZone: DnsProvider;
  /** What clients see; absent where no name server answers. */
  resolver?: Resolver;
  stop(): Promise<void>;
}

/** What providers of tests work with. */
export const PROVIDER_CONTEXT: ProviderContext = { clock: systemClock, signal: new AbortController().signal };

const OWNER = { controlPlane: 'cp_1', loadBalancer: 'lb_1' };

/** What every provider must do. The zone is as `ZONE_LINES` says. */
export function testProvider(name: string, start: () => Promise<ProviderScene>): void {
  describe(`DNS provider: ${name}`, () => {
    let scene: ProviderScene;
    let provider: DnsProvider;
    beforeAll(async () => {
      scene = await start();
      ({ provider } = scene);
    });
    afterAll(() => scene?.stop());

    const reconcile = async (domain: string, ipv4: string[], ipv6: string[] = [], ttl = 60) => {
      const seen = await provider.read(namesToRead(domain));
      const plan = planRecords({ domain, ttl, ipv4, ipv6 }, OWNER, seen);
      if (plan.kind === 'change') await provider.change(plan.change);
      return plan.kind;
    };
    const release = async (domain: string) => {
      const change = planRemoval(domain, OWNER, await provider.read(namesToRead(domain)));
      if (change) await provider.change(change);
      return change !== undefined;
    };

    test('a credential that is accepted is told from one that is not', async () => {
      await expect(provider.check()).resolves.toBeUndefined();
      await expect(scene.withWrongCredential.check()).rejects.toMatchObject({ kind: 'refused' });
      await expect(scene.ofUnknownZone.check()).rejects.toMatchObject({
        kind: expect.stringMatching(/no_zone|refused/),
      });
    });

    test('records are made, changed and removed, with their ownership', async () => {
      const domain = 'app.example.com';
      expect(await provider.read(namesToRead(domain))).toEqual([]);
      expect(await reconcile(domain, ['192.0.2.2', '192.0.2.1'], ['2001:db8::1'])).toBe('change');
      const made = await provider.read(namesToRead(domain));
      expect(made).toHaveLength(3);
      expect(made).toEqual(
        expect.arrayContaining([
          { name: domain, type: 'A', ttl: 60, values: ['192.0.2.1', '192.0.2.2'] },
          { name: domain, type: 'AAAA', ttl: 60, values: ['2001:db8::1'] },
          { name: ownershipName(domain), type: 'TXT', ttl: 60, values: [ownershipText(OWNER)] },
        ]),
      );
      expect(await reconcile(domain, ['192.0.2.1', '192.0.2.2'], ['2001:db8::1'])).toBe('done');
      expect(await reconcile(domain, ['192.0.2.3', '192.0.2.1'], [], 120)).toBe('change');
      const changed = await provider.read([domain]);
      expect(changed).toEqual([{ name: domain, type: 'A', ttl: 120, values: ['192.0.2.1', '192.0.2.3'] }]);
      if (scene.resolver)
        expect((await scene.resolver.resolve4(domain)).sort()).toEqual(['192.0.2.1', '192.0.2.3']);
      expect(await release(domain)).toBe(true);
      expect(await provider.read(namesToRead(domain))).toEqual([]);
      expect(await release(domain)).toBe(false);
    });

    test('the name of the zone and a wildcard are names like others', async () => {
      for (const domain of ['example.com', '*.example.com']) {
        expect(await reconcile(domain, ['192.0.2.1'])).toBe('change');
        expect(findSet(await provider.read([domain]), { name: domain, type: 'A' })?.values).toEqual([
          '192.0.2.1',
        ]);
        expect(await release(domain)).toBe(true);
        expect(await provider.read([domain])).toEqual([]);
      }
    });

    test('what a wildcard stands in for is not there, so that it can be made', async () => {
      const domain = 'new.wild.example.com';
      expect(await provider.read([domain])).toEqual([]);
      expect(await reconcile(domain, ['192.0.2.1'])).toBe('change');
      expect(await release(domain)).toBe(true);
    });

    test('records of somebody else stay as they are', async () => {
      const seen = await provider.read(['taken.example.com', 'alias.example.com']);
      expect(seen).toHaveLength(2);
      expect(await reconcile('taken.example.com', ['192.0.2.1'])).toBe('taken');
      expect(await reconcile('alias.example.com', ['192.0.2.1'])).toBe('taken');
      expect(await release('taken.example.com')).toBe(false);
      expect(await provider.read(['taken.example.com', 'alias.example.com'])).toEqual(seen);
    });

    test('a change of what somebody changed in the meantime is refused as a whole', async () => {
      const domain = 'race.example.com';
      const wanted = { domain, ttl: 60, ipv4: ['192.0.2.1'], ipv6: [] };
      const plan = planRecords(wanted, OWNER, []);
      if (plan.kind !== 'change') throw new Error(plan.kind);
      await provider.change({
        expect: [],
        edits: [{ from: undefined, to: { name: domain, type: 'A', ttl: 60, values: ['203.0.113.1'] } }],
      });
      await expect(provider.change(plan.change)).rejects.toMatchObject({ kind: 'conflict' });
      const after = await provider.read(namesToRead(domain));
      expect(after).toEqual([{ name: domain, type: 'A', ttl: 60, values: ['203.0.113.1'] }]);
      await provider.change({ expect: [], edits: after.map((from) => ({ from, to: undefined })) });
    });

    test('texts of one name come and go one by one', async () => {
      const name = '_acme-challenge.example.com';
      const values = async () => (await provider.read([name])).flatMap((set) => set.values);
      await provider.addText({ name, value: 'one', ttl: 60 });
      await provider.addText({ name, value: 'a "quoted" back\\slash', ttl: 60 });
      await provider.addText({ name, value: 'one', ttl: 60 });
      expect(await values()).toEqual(['a "quoted" back\\slash', 'one']);
      await provider.removeText({ name, value: 'one' });
      await provider.removeText({ name, value: 'one' });
      expect(await values()).toEqual(['a "quoted" back\\slash']);
      await provider.removeText({ name, value: 'a "quoted" back\\slash' });
      expect(await provider.read([name])).toEqual([]);
    });
  });
}
