/**
 * What a check found: `ok`; `missing` when something needed is not there; `advice` when the machine can work without
 * it or it concerns something that is not started yet.
 */
export interface Finding {
  check: string;
  state: 'ok' | 'missing' | 'advice';
  detail: string;
  /** What mends it. */
  remedy?: string;
}

export function ok(check: string, detail: string): Finding {
  return { check, state: 'ok', detail };
}

export function missing(check: string, detail: string, remedy: string): Finding {
  return { check, state: 'missing', detail, remedy };
}

export function advice(check: string, detail: string, remedy: string): Finding {
  return { check, state: 'advice', detail, remedy };
}
