import type { Migration } from 'kysely/migration';
import { initial } from './0001-initial.ts';
import { completeSpecs } from './0002-complete-specs.ts';
import { guards } from './0003-guards.ts';
import { patches } from './0004-patches.ts';
import { dns } from './0005-dns.ts';
import { certificates } from './0006-certificates.ts';
import { events } from './0007-events.ts';
import { machines } from './0008-machines.ts';
import { acmeAccounts } from './0009-acme-accounts.ts';
import { madeMachines } from './0010-made-machines.ts';
import { fleet } from './0011-fleet.ts';
import { bgp } from './0012-bgp.ts';
import { spread } from './0014-spread.ts';

/** Every migration in order. What has been released is never changed; a change is a new entry. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-initial': initial,
  '0002-complete-specs': completeSpecs,
  '0003-guards': guards,
  '0004-patches': patches,
  '0005-dns': dns,
  '0006-certificates': certificates,
  '0007-events': events,
  '0008-machines': machines,
  '0009-acme-accounts': acmeAccounts,
  '0010-made-machines': madeMachines,
  '0011-fleet': fleet,
  '0012-bgp': bgp,
  '0014-spread': spread,
};
