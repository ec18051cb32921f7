import type { ApiRequest } from '../../../src/api/client.ts';
import type { LoadBalancerSpec } from '../../../src/spec/load-balancer.ts';
import type { Issued } from '../../../test/support/test-ca.ts';
import type { EchoPorts } from '../../support/echo.ts';
import type { VariedOrigin } from '../../support/varied-origin.ts';

/** A load balancer that is changed, by its id: its name changes too. */
export interface Subject {
  id: string;
  host: string;
  port: number;
}

/** What the changes are made of. */
export interface Surroundings {
  web: Subject & { tlsPort: number };
  tcp: Subject;
  tls: Subject;
  origin: VariedOrigin;
  /** Two of each, at addresses of their own. */
  echoes: { host: string; ports: EchoPorts }[];
  /** The certificate that backends with TLS show: in PEM, its name, and a file with the key in it. */
  certificate: { pem: string; name: string; file: string };
  /** What is uploaded to be shown to clients, and the CA that it comes from. */
  own: { first: Issued; second: Issued; ca: string; revocationList: string };
  /** Addresses of clients: of the busy ones, and of two that are shut out now and then. */
  sources: { busy: string; denied: string; waiting: string };
}

/** Whether clients feel a change by now; asked again and again. */
export type Look = () => Promise<boolean>;

/** One change. */
export interface Step {
  /** What kind of change it is: what is told in one row. */
  kind: string;
  subject: Subject;
  /** Asked for with the present spec at hand. */
  request(spec: LoadBalancerSpec): ApiRequest;
  /** Makes what looks whether clients feel it; absent where they cannot. */
  look?: () => Look;
}

/** Changes that follow one another; the last leaves things as the first found them. */
export type Cycle = readonly Step[];

type SpecPatch = object | ((spec: LoadBalancerSpec) => object);

/** A change of some fields of the spec. */
export function patch(kind: string, subject: Subject, change: SpecPatch, look?: () => Look): Step {
  return {
    kind,
    subject,
    request: (spec) => ({
      method: 'PATCH',
      path: `/v1/load-balancers/${subject.id}`,
      body: { spec: typeof change === 'function' ? change(spec) : change },
    }),
    ...(look ? { look } : {}),
  };
}

/** A request of another kind. */
export function call(kind: string, subject: Subject, request: ApiRequest, look?: () => Look): Step {
  return { kind, subject, request: () => request, ...(look ? { look } : {}) };
}
