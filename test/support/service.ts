import { join } from 'node:path';
import { detectLayout } from '../../src/agent/layout.ts';
import { createNameResolver } from '../../src/agent/resolver.ts';
import { Service } from '../../src/agent/service.ts';
import type { CertificateSource } from '../../src/agent/serving/source.ts';
import type { DesiredLoadBalancer, LoadBalancerReport } from '../../src/api/agent.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { Logger } from '../../src/base/logger.ts';
import { validateLoadBalancer } from '../../src/spec/validate.ts';
import { waitFor } from './wait.ts';

const log = (level: string) => (fields: object, message: string) => {
  if (process.env['TEST_LOG']) console.error(level, message, fields);
};
const silent: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };

/** One load balancer on a real HAProxy, driven without a control plane. */
export interface TestService {
  service: Service;
  desired: DesiredLoadBalancer;
  /** Sets another spec and waits for the receipt. */
  set(spec: Record<string, unknown>): Promise<NonNullable<LoadBalancerReport['receipt']>>;
  report(): LoadBalancerReport;
  backendState(target: string): string | undefined;
}

export function createTestService(
  dataDir: string,
  address: string,
  options: { id?: string; haproxy?: string; revision?: number; certificates?: CertificateSource } = {},
): TestService {
  const id = options.id ?? 'lb_00000000000000000000000000';
  const service = new Service({
    id,
    machine: 'local',
    binary: options.haproxy ?? 'haproxy',
    layout: detectLayout(join(dataDir, 'agent'), 0),
    clock: systemClock,
    logger: silent,
    resolver: createNameResolver({ clock: systemClock, onChange: () => service.nudge() }),
    certificates: options.certificates,
    onChange: () => {},
    onGuard: () => {},
    observedRevision: options.revision ?? 0,
    onObserved: () => {},
  });
  const self: TestService = {
    service,
    desired: {
      id,
      name: 'web-lb',
      revision: options.revision ?? 0,
      spec: specOf({ type: 'http' }),
      address,
      vpc: { name: 'default', cidrs: ['10.0.0.0/8'], nameServers: [], hosts: [] },
      allowLoopbackBackends: true,
    },
    async set(spec) {
      const revision = self.desired.revision + 1;
      self.desired = { ...self.desired, revision, spec: specOf(spec) };
      service.want(self.desired);
      return waitFor(`receipt of revision ${revision}`, () => {
        const { receipt } = self.report();
        return receipt?.revision === revision ? receipt : undefined;
      });
    },
    report: () => service.report() ?? { id, observedRevision: 0, backends: [] },
    backendState: (target) => self.report().backends.find((backend) => backend.target === target)?.state,
  };
  return self;
}

export function specOf(spec: Record<string, unknown>) {
  const validated = validateLoadBalancer({ name: 'web-lb', spec });
  if (!validated.ok) throw new Error(JSON.stringify(validated.errors));
  return validated.value.spec;
}
