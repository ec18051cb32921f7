/**
 * The tables. Ids, timestamps (RFC 3339, UTC) and JSON are text and booleans are integers, so that the same queries
 * run on SQLite and on PostgreSQL.
 */
export interface Database {
  meta: MetaTable;
  vpcs: VpcTable;
  machines: MachineTable;
  machine_hosts: MachineHostTable;
  load_balancers: LoadBalancerTable;
  nodes: NodeTable;
  node_patches: NodePatchTable;
  revisions: RevisionTable;
  guards: GuardTable;
  receipts: ReceiptTable;
  api_keys: KeyTable;
  idempotency_keys: IdempotencyTable;
  certificates: CertificateTable;
  certificate_reports: CertificateReportTable;
  dns_zones: DnsZoneTable;
  dns_records: DnsRecordTable;
  events: EventTable;
  terms_agreements: TermsAgreementTable;
  acme_accounts: AcmeAccountTable;
  replacements: ReplacementTable;
  agent_upgrades: AgentUpgradeTable;
}

interface AcmeAccountTable {
  load_balancer_id: string;
  server: string;
  account_id: string;
  sealed: string;
}

interface ReplacementTable {
  load_balancer_id: string;
  /** The node whose agent is silent. */
  machine_id: string;
  state: string;
  code: string;
  reason: string;
  /** Id of the machine that takes its place; null while there is none. */
  replaced_by: string | null;
  /** Since when it is in that state, milliseconds since the epoch; some drivers read large integers as text. */
  since: number | string;
}

interface AgentUpgradeTable {
  machine_id: string;
  /** The version that the agent is to have. */
  version: string;
  state: string;
  reason: string | null;
  /** Since when it is in that state, milliseconds since the epoch. */
  since: number | string;
}

interface MetaTable {
  key: string;
  value: string;
}

interface VpcTable {
  id: string;
  name: string;
  labels: string;
  spec: string;
  /** Passwords of its routers, sealed. */
  sealed: string | null;
  revision: number;
  created_at: string;
  updated_at: string;
}

interface MachineTable {
  id: string;
  name: string;
  driver: string;
  /** SHA-256 of its agent's credential; `none:` and the id where it has none. */
  token_hash: string;
  /** Newest change that concerns any load balancer of the machine, a deletion included. */
  change_version: number;
  agent_version: string | null;
  haproxy_version: string | null;
  layout: string | null;
  host_addresses: string;
  fault: string | null;
  /** The CA that its agent orders from, as JSON; null until it has told. */
  authority: string | null;
  /** PEM. */
  peer_certificate: string | null;
  last_report_at: string | null;
  created_at: string;
  os: string | null;
  /** What the agent tells of how it can be upgraded, as JSON; null where it cannot. */
  upgrader: string | null;
}

interface MachineHostTable {
  machine_id: string;
  vpc_id: string;
  labels: string;
  address: string | null;
  public_address: string | null;
  /** How it is logged in to, as JSON, without the private key; null where nobody logs in. */
  ssh: string | null;
  /** The private key, encrypted. */
  sealed_key: string | null;
  phase: string;
  draining: number;
  steps: string;
  /** What went wrong last, as JSON. */
  fault: string | null;
  /** Failed attempts in a row. */
  attempts: number;
  /** When to go on, milliseconds since the epoch; some drivers read large integers as text. */
  next_at: number | string;
  /** What the control plane has made it as, as JSON; null where it was there before. */
  made: string | null;
  /** SHA-256 of the token with which its agent enrols. */
  enrol_hash: string | null;
  /** Milliseconds since the epoch. */
  enrol_expires_at: number | string | null;
  enrol_used: number;
}

interface LoadBalancerTable {
  id: string;
  name: string;
  labels: string;
  vpc_id: string;
  address: string;
  /** The ports that it listens on, as JSON, so that clashes are found without reading specs. */
  ports: string;
  revision: number;
  created_at: string;
  updated_at: string;
  /** `shared`: on a machine that others are on too. `own`: on machines of its VPC that it has for itself. */
  placement: string;
  /** The addresses that its nodes hand each other, as JSON. */
  floating: string;
}

interface NodeTable {
  load_balancer_id: string;
  machine_id: string;
  /** Newest change of what the node should serve: a revision, or a change of its VPC. */
  change_version: number;
  observed_revision: number;
  /** Newest revision of which the node has said how it ended, well or badly. */
  settled_revision: number;
  /** What was last told of all backends at once; node_patches have what has changed since. */
  backends: string;
  /** What tells that, with all that has changed since, from every other state; empty when it is `backends` alone. */
  backends_tag: string;
  /** Characters of `backends`, and of all patches since. */
  backends_size: number;
  patches_size: number;
  haproxy: string | null;
  reported_at: string | null;
  /** Its place among the nodes: the lowest is the first. */
  position: number;
  /** The change that made it a node: who knows only what was before has no spec of it. */
  joined_version: number;
  /** What it last told of its floating addresses, as JSON; null without any. */
  role: string | null;
  /** Why clients are not sent to its own address, and since when, as JSON; null while they are. */
  left_out: string | null;
}

interface NodePatchTable {
  load_balancer_id: string;
  machine_id: string;
  /** They follow one another in this order. */
  number: number;
  patch: string;
}

interface RevisionTable {
  load_balancer_id: string;
  number: number;
  action: string;
  restored_from: number | null;
  author: string;
  created_at: string;
  name: string;
  labels: string;
  /** The whole spec; empty where `patch` and the revisions before tell it. */
  spec: string;
  /** What differs from the spec of the revision before; null where that is not known or no less than the whole. */
  patch: string | null;
  /** What tells this spec from every other: a hash of what it is told by. */
  tag: string;
  /** The newest revision up to this one that holds a whole spec. */
  base: number;
  /** Characters of that spec, and of all patches since. */
  base_size: number;
  patches_size: number;
  /** The change that told the machines of it; 0 for those made before this was noted. */
  change_version: number;
  diff: string;
  plan: string;
  /** Why it was made, where nobody asked for it. */
  reason: string | null;
}

interface GuardTable {
  load_balancer_id: string;
  revision: number;
  duration_ms: number;
  state: string;
  reason: string;
  /** The revision that brought the one before back. */
  restored_by: number | null;
  /** What each machine tells, as JSON. */
  machines: string;
}

interface ReceiptTable {
  load_balancer_id: string;
  revision: number;
  machine_id: string;
  outcome: string;
  receipt: string;
}

interface CertificateTable {
  load_balancer_id: string;
  name: string;
  chain: string;
  /** The private key, encrypted. */
  sealed_key: string;
  facts: string;
  uploaded_by: string;
  created_at: string;
  updated_at: string;
}

interface CertificateReportTable {
  load_balancer_id: string;
  machine_id: string;
  /** What the machine's agent last said, as JSON. */
  reports: string;
}

interface KeyTable {
  id: string;
  name: string;
  role: string;
  hash: string;
  prefix: string;
  created_at: string;
  last_used_at: string | null;
}

interface IdempotencyTable {
  key_id: string;
  key: string;
  fingerprint: string;
  status: number;
  headers: string;
  body: string;
  created_at: string;
}

interface DnsZoneTable {
  id: string;
  name: string;
  labels: string;
  /** Without the credential. */
  spec: string;
  /** The whole spec, sealed. */
  sealed: string;
  revision: number;
  created_at: string;
  updated_at: string;
}

interface DnsRecordTable {
  load_balancer_id: string;
  domain: string;
  /** The zone in which the records are; empty where none covers the domain. */
  zone_id: string;
  state: string;
  /** What the records should be, as JSON. */
  wanted: string;
  message: string;
  /** Since when it is in this state. */
  since: string;
  /** Failed attempts in a row. */
  attempts: number;
  /** When to look again, milliseconds since the epoch; some drivers read large integers as text. */
  next_at: number | string;
  /** What was there at the last look, as JSON; null before the first. */
  seen: string | null;
}

interface EventTable {
  /** They happened in this order. */
  number: number;
  time: string;
  /** When the first of those happened that this row stands for. */
  first_time: string;
  count: number;
  type: string;
  severity: string;
  kind: string;
  resource_id: string;
  resource_name: string;
  /** What of the resource it is about, such as a domain; what happens again to the same is counted. */
  subject: string;
  message: string;
  details: string;
}

interface TermsAgreementTable {
  load_balancer_id: string;
  /** Directory of the CA. */
  directory: string;
  /** The terms as the CA names them; empty until that is known. */
  terms: string;
  /** Name of the API key with which a domain was named. */
  agreed_by: string;
  agreed_at: string;
}
