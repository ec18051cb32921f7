import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostileBodies } from '../../test/support/hostile.ts';
import { acceptableSpec } from '../../test/support/specs.ts';
import { validateLoadBalancer } from './validate.ts';

const PRODUCT_PAGE = {
  name: 'web-lb',
  spec: {
    type: 'http',
    vpc: 'prod',
    tls: { domain: 'app.example.com', autoRenew: true },
    backends: [
      { target: 'web-1:8080', weight: 50 },
      { target: 'web-2:8080', weight: 50 },
    ],
    healthCheck: { path: '/health', interval: '5s' },
  },
};

describe('a load balancer', () => {
  it('is accepted as the product page writes it, and gets every default', () => {
    expect(validateLoadBalancer(PRODUCT_PAGE)).toEqual({
      ok: true,
      value: {
        name: 'web-lb',
        labels: {},
        spec: {
          type: 'http',
          vpc: 'prod',
          port: 80,
          nodes: 1,
          algorithm: 'roundrobin',
          protocol: 'http1',
          failOpen: false,
          backends: [
            { target: 'web-1:8080', weight: 50, backup: false, maxConnections: 0, drain: false },
            { target: 'web-2:8080', weight: 50, backup: false, maxConnections: 0, drain: false },
          ],
          healthCheck: {
            type: 'http',
            path: '/health',
            method: 'GET',
            expectStatus: '200-399',
            interval: '5s',
            timeout: '2s',
            fall: 3,
            rise: 2,
            passive: { errors: 10, observe: 'layer4' },
          },
          tls: {
            mode: 'terminate',
            domain: 'app.example.com',
            autoRenew: true,
            redirect: true,
            minVersion: '1.2',
            challenge: 'http',
          },
          http2: true,
          pools: {},
          routes: [],
          timeouts: {
            connect: '5s',
            client: '60s',
            server: '60s',
            queue: '30s',
            drain: '12h',
            tunnel: '1h',
            request: '10s',
            keepAlive: '60s',
          },
          retries: 3,
          maxConnections: 0,
          deletionProtection: false,
        },
      },
    });
  });

  it('comes back unchanged when it is sent again with its defaults', () => {
    const first = validateLoadBalancer(PRODUCT_PAGE);
    expect(first.ok && validateLoadBalancer(first.value)).toEqual(first);
  });

  it('is what it was when its completed spec is sent again, whatever it holds', () => {
    fc.assert(
      fc.property(acceptableSpec, (spec) => {
        const first = validateLoadBalancer({ name: 'web-lb', spec });
        expect(first.ok ? [] : first.errors).toEqual([]);
        const sent: unknown = JSON.parse(JSON.stringify(first.ok && first.value));
        const again = validateLoadBalancer(sent);
        expect(again).toEqual(first);
        expect(JSON.stringify(again)).toBe(JSON.stringify(first));
      }),
      { numRuns: 500 },
    );
  });

  it('has all of its faults told at once, each with a pointer', () => {
    const result = validateLoadBalancer({
      name: 'Web LB',
      color: 'red',
      spec: {
        type: 'http',
        backends: [{ target: 'web-1', wieght: 3 }, { target: 'a:1' }, { target: 'A:1' }],
        healthCheck: { interval: '1s', timeout: '3s' },
      },
    });
    expect(
      result.ok ? [] : result.errors.map(({ pointer, code }) => `${pointer} ${code}`).toSorted(),
    ).toEqual([
      '/color unknown_field',
      '/name invalid_value',
      '/spec/backends/0/target invalid_value',
      '/spec/backends/0/wieght unknown_field',
      '/spec/backends/2/target duplicate',
      '/spec/healthCheck/timeout conflict',
    ]);
  });

  it('gives a short interval a timeout that fits', () => {
    const result = validateLoadBalancer({
      name: 'a',
      spec: { type: 'tcp', port: 1, healthCheck: { interval: '1s' } },
    });
    expect(result.ok && result.value.spec.healthCheck.timeout).toBe('500ms');
  });
});

describe('hostile bodies', () => {
  const bodies = hostileBodies();

  it('are more than 800', () => {
    expect(bodies.length).toBeGreaterThan(800);
  });

  it.each(bodies)('are refused with a pointer: $name', ({ body, pointer }) => {
    const result = validateLoadBalancer(body);
    expect(result.ok).toBe(false);
    const errors = result.ok ? [] : result.errors;
    for (const error of errors) {
      expect(error.pointer).toMatch(/^(\/.*)?$/s);
      expect(error.detail.length).toBeLessThan(400);
    }
    if (pointer !== undefined) expect([...new Set(errors.map((error) => error.pointer))]).toEqual([pointer]);
  });
});
