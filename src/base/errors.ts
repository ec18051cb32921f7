/**
 * Every error that a user can meet, by its stable code. The code is what programs match on; the status is the HTTP
 * answer; the exit is what the CLI leaves with (design: 1 failed, 2 usage, 3 not found, 4 conflict, 5 not allowed,
 * 6 unavailable, 7 wait timed out, 8 applied but degraded).
 */
export const ERROR_CODES = {
  invalid_request: { status: 400, exit: 2, title: 'The request cannot be understood' },
  invalid_json: { status: 400, exit: 2, title: 'The body is not valid JSON' },
  unauthenticated: { status: 401, exit: 5, title: 'No valid API key was given' },
  forbidden: { status: 403, exit: 5, title: 'The API key may not do this' },
  enrolment_refused: { status: 403, exit: 5, title: 'The token to enrol with is worth nothing' },
  not_found: { status: 404, exit: 3, title: 'There is no such thing' },
  method_not_allowed: { status: 405, exit: 2, title: 'The path does not support this method' },
  name_taken: { status: 409, exit: 4, title: 'The name is in use' },
  backend_exists: { status: 409, exit: 4, title: 'The backend is already registered' },
  pool_in_use: { status: 409, exit: 4, title: 'Routes send to the pool' },
  certificate_in_use: { status: 409, exit: 4, title: 'The certificate is served' },
  too_many_certificates: { status: 409, exit: 4, title: 'There are too many uploaded certificates' },
  no_domains: { status: 409, exit: 4, title: 'The load balancer has no domains' },
  vpc_in_use: { status: 409, exit: 4, title: 'The VPC is in use' },
  dns_zone_in_use: { status: 409, exit: 4, title: 'Load balancers have records in the DNS zone' },
  agent_not_upgradable: { status: 409, exit: 4, title: 'Nothing on the machine could upgrade its agent' },
  machine_in_use: { status: 409, exit: 4, title: 'A load balancer is on the machine' },
  machine_exists: { status: 409, exit: 4, title: 'The machine is there already' },
  agent_listener_off: { status: 409, exit: 4, title: 'Machines cannot reach the control plane' },
  host_in_use: { status: 409, exit: 4, title: 'The VPC host is in use' },
  address_pool_exhausted: { status: 409, exit: 4, title: 'No address of the pool is free for these ports' },
  port_in_use: { status: 409, exit: 4, title: 'Another load balancer has this port on the same address' },
  last_admin_key: { status: 409, exit: 4, title: 'The last admin key cannot be revoked' },
  nobody_to_take_over: { status: 409, exit: 4, title: 'The load balancer has no other node' },
  deletion_protected: { status: 409, exit: 4, title: 'The load balancer is protected from deletion' },
  idempotency_in_flight: {
    status: 409,
    exit: 4,
    title: 'A request with this Idempotency-Key is still running',
  },
  host_key_changed: { status: 409, exit: 4, title: 'The machine shows another host key' },
  machine_key_refused: { status: 409, exit: 5, title: 'The machine does not take the SSH key' },
  sudo_needed: { status: 409, exit: 5, title: 'The user may not become root on the machine' },
  machine_os_unsupported: { status: 409, exit: 1, title: 'The machine has a system that is not supported' },
  machine_haproxy_too_old: { status: 409, exit: 1, title: 'The HAProxy of the machine is too old' },
  machine_without_systemd: { status: 409, exit: 1, title: 'The machine does not run systemd' },
  machine_clock_wrong: { status: 409, exit: 1, title: 'The clock of the machine is wrong' },
  machine_disk_full: { status: 409, exit: 1, title: 'The disk of the machine is full' },
  machine_busy: { status: 409, exit: 6, title: 'Something else installs packages on the machine' },
  machine_packages_failed: { status: 409, exit: 1, title: 'Packages could not be installed on the machine' },
  machine_service_failed: { status: 409, exit: 1, title: 'The agent does not run on the machine' },
  machine_script_failed: { status: 409, exit: 1, title: 'A command failed on the machine' },
  revision_mismatch: { status: 412, exit: 4, title: 'The resource has changed since it was read' },
  payload_too_large: { status: 413, exit: 2, title: 'The body is too large' },
  unsupported_media_type: { status: 415, exit: 2, title: 'The body must be JSON' },
  validation_failed: { status: 422, exit: 2, title: 'The request has invalid fields' },
  machine_key_unreadable: { status: 422, exit: 2, title: 'The SSH key cannot be read' },
  idempotency_mismatch: { status: 422, exit: 2, title: 'The Idempotency-Key was used with another request' },
  too_many_requests: { status: 429, exit: 6, title: 'Too many requests' },
  internal: { status: 500, exit: 1, title: 'The control plane failed; this is a bug' },
  dns_provider_failed: { status: 502, exit: 1, title: 'The provider of the DNS zone did not do it' },
  machine_unreachable: { status: 502, exit: 6, title: 'The machine cannot be reached' },
  machine_connection_lost: { status: 502, exit: 6, title: 'The connection to the machine broke off' },
  machine_copy_failed: { status: 502, exit: 6, title: 'A file could not be copied to the machine' },
  machine_packages_unreachable: {
    status: 502,
    exit: 6,
    title: 'The machine does not reach its package server',
  },
  agent_not_enrolled: {
    status: 502,
    exit: 6,
    title: 'The agent of the machine has not reached the control plane',
  },
  machine_image_failed: { status: 502, exit: 1, title: 'The base image of machines could not be built' },
  machine_driver_unavailable: { status: 409, exit: 1, title: 'This host cannot make machines' },
  machine_addresses_exhausted: { status: 409, exit: 4, title: 'No address is free for a machine' },
  machine_network_failed: { status: 500, exit: 1, title: 'The network of a machine could not be made' },
  machine_start_failed: { status: 500, exit: 1, title: 'The machine did not start' },
  bundle_failed: { status: 500, exit: 1, title: 'The agent could not be packed for machines' },
  unavailable: { status: 503, exit: 6, title: 'The control plane cannot answer now' },
  agent_unavailable: { status: 503, exit: 6, title: 'The agent of the machine does not answer' },
  storage_full: { status: 507, exit: 6, title: 'The disk of the control plane is full' },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** One bad field. */
export interface FieldError {
  /** RFC 6901 pointer into the request body, e.g. `/spec/backends/0/weight`. */
  pointer: string;
  /** Stable machine word for the kind of fault, e.g. `unknown_field`. */
  code: string;
  /** What is wrong, in words. */
  detail: string;
}

export interface AppErrorOptions {
  /** The command or change that mends it. */
  hint?: string;
  /** All bad fields at once. */
  errors?: readonly FieldError[];
  cause?: unknown;
}

/** A fault of the caller or of the outside world. Anything else that is thrown is a bug. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly errors: readonly FieldError[];

  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.errors = options.errors ?? [];
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The operating system's code (`ENOENT`, `EADDRINUSE`, …) of whatever was thrown, if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}
