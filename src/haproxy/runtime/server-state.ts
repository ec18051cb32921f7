import type { HealthCheck } from '../../spec/health-check.ts';
import { inTurns } from '../../base/turns.ts';
import { type Server, serverKey, isSpokenToByTls } from '../config/server.ts';

/** Columns of version 1, the only one that 2.6 and 3.0 know (configuration manual, `server-state-file`). */
const COLUMNS =
  'be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port';

/** HAProxy's own numbers (include/haproxy/server-t.h and check-t.h of 2.6). */
const OP_STOPPED = 0;
const OP_RUNNING = 2;
const CHECK_FAILED = 2;
const CHECK_PASSED = 3;
const CHECK_UNKNOWN = 1;
const HCHK_STATUS_INI = 1;
const HCHK_STATUS_L4OK = 6;
const HCHK_STATUS_L4CON = 8;
const CHECK_CONFIGURED_ENABLED = 6;

/** What is known of a server when a worker starts. */
export type KnownHealth = 'up' | 'down' | 'unknown';

/**
 * Writes the state that a new worker begins with. Without it, every server would begin UP: those known to be down
 * would get traffic again, and new ones would get it before their first check.
 */
export async function renderServerState(
  list: readonly Server[],
  checkOf: (server: Server) => HealthCheck,
  healthOf: (server: Server) => KnownHealth,
): Promise<string> {
  const lines = ['1', `# ${COLUMNS}`];
  // One without a check begins up, as it should.
  const checked = list.filter((server) => server.address !== undefined && server.isChecked);
  let [pool, position] = ['', 0];
  for await (const part of inTurns(checked))
    for (const server of part) {
      // Counted in each pool, so that a server that comes moves none of other pools.
      position = server.pool === pool ? position + 1 : 1;
      pool = server.pool;
      lines.push(knownLine(server, position, checkOf(server), healthOf(server)));
    }
  return [...lines, ''].join('\n');
}

interface WrittenLine {
  position: number;
  check: HealthCheck;
  health: KnownHealth;
  line: string;
}

const written = new WeakMap<Server, WrittenLine>();

/** Of thousands of servers most are as they were when they were last written down. */
function knownLine(server: Server, position: number, check: HealthCheck, health: KnownHealth): string {
  const known = written.get(server);
  if (known?.position === position && known.check === check && known.health === health) return known.line;
  const line = stateLine(server, position, check, health);
  written.set(server, { position, check, health, line });
  return line;
}

function stateLine(server: Server, position: number, check: HealthCheck, health: KnownHealth): string {
  const isUp = health === 'up';
  const result = isUp ? CHECK_PASSED : health === 'down' ? CHECK_FAILED : CHECK_UNKNOWN;
  const status = isUp ? HCHK_STATUS_L4OK : health === 'down' ? HCHK_STATUS_L4CON : HCHK_STATUS_INI;
  return [
    // HAProxy matches by name; the ids before the names are only shown.
    0,
    server.pool,
    server.id ?? position,
    server.name,
    server.address,
    isUp ? OP_RUNNING : OP_STOPPED,
    0,
    server.weight,
    server.weight,
    0,
    status,
    result,
    isUp ? check.rise + check.fall - 1 : 0,
    CHECK_CONFIGURED_ENABLED,
    0,
    0,
    server.id === undefined ? 0 : 1,
    '-',
    server.port,
    '-',
    // It wins over the configuration: with 0, a backend that wants TLS would get plain text.
    isSpokenToByTls(server) ? 1 : 0,
    // A check port in the state file would win over a changed one in the configuration, so none is written.
    0,
    '-',
    '-',
    0,
  ].join(' ');
}

/** Reads back what {@link renderServerState} wrote: the health of each server by its key. */
export function parseServerState(text: string): Map<string, KnownHealth> {
  const rows = text.split('\n').filter((line) => line !== '' && line !== '1' && !line.startsWith('#'));
  return new Map(rows.map((row) => healthFromLine(row.split(' '))));
}

function healthFromLine(cells: readonly string[]): [string, KnownHealth] {
  const result = Number(cells[11]);
  const health = result === CHECK_PASSED ? 'up' : result === CHECK_FAILED ? 'down' : 'unknown';
  return [serverKey({ pool: cells[1] ?? '', name: cells[3] ?? '' }), health];
}
