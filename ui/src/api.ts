// SPDX-License-Identifier: Apache-2.0
// Made from shapes.def and the rights in lib/web by `make docs`: not to be edited.

export type Right = 'read' | 'search' | 'acknowledge' | 'configure' | 'users' | 'audit' | 'packets';

/** what went wrong */
export interface ErrorBody {
  /** one word, for programs */
  code: string;
  /** what happened, to what, what to do */
  message: string;
  /** where in a search text, in bytes */
  at?: number;
  /** seconds after which it may be tried again */
  retry_s?: number;
}

/** every answer above 399 */
export interface Error {
  error: ErrorBody;
}

/** first step of a login */
export interface Login {
  /** name */
  user: string;
  /** password, or the one-time password */
  password: string;
}

/** the password that takes the place of the one-time password */
export interface NewPassword {
  /** at least 12 characters */
  password: string;
}

/** second step of a login; one of the two */
export interface Code {
  /** 6 digits of the authenticator app */
  code?: string;
  /** a recovery code; it is used up */
  recovery?: string;
}

/** what a login needs next */
export interface LoginStep {
  /** the next step */
  next: 'code' | 'password' | 'enrol' | 'done';
  /** seconds that further tries are refused for */
  lock_s?: number;
  /** enrol: the secret as a link for the app */
  otpauth?: string;
  /** enrol: the link as a QR code (SVG) */
  qr_svg?: string;
  /** enrol: the secret to be typed (Base32) */
  secret?: string;
  /** done after enrolment: shown this once */
  recovery_codes?: Array<string>;
}

/** a new password for the one who is logged in */
export interface PasswordChange {
  /** the password of now */
  old: string;
  /** at least 12 characters */
  new: string;
}

/** a user, in short */
export interface SessionUser {
  id: string;
  name: string;
  role: 'administrator' | 'analyst' | 'reader';
}

/** the instance that answers */
export interface InstanceShort {
  name: string;
  host_name: string;
  /** of display and rhythm, a name of the tz database */
  time_zone: string;
}

/** who is logged in, and what they may do */
export interface Session {
  user: SessionUser;
  rights: Array<'read' | 'search' | 'acknowledge' | 'configure' | 'users' | 'audit' | 'packets'>;
  /** goes into the header X-CSRF of every method but GET */
  csrf: string;
  expires: string;
  instance: InstanceShort;
  /** of Thymus */
  version: string;
}

/** a session */
export interface SessionRow {
  id: string;
  /** name */
  user: string;
  created: string;
  last_seen: string;
  /** where it was last used from */
  address: string;
  /** the browser, as it calls itself */
  agent: string;
  /** the one that asks */
  current: boolean;
}

/** sessions */
export interface Sessions {
  sessions: Array<SessionRow>;
}

/** a user */
export interface User {
  id: string;
  name: string;
  role: 'administrator' | 'analyst' | 'reader';
  /** has an authenticator app enrolled */
  totp: boolean;
  /** tries are refused for now */
  locked: boolean;
  /** may not log in */
  disabled: boolean;
  /** has a one-time password */
  must_change: boolean;
  created: string;
  last_login: string | null;
}

/** users */
export interface Users {
  users: Array<User>;
}

/** a user to be made */
export interface UserNew {
  name: string;
  role: 'administrator' | 'analyst' | 'reader';
}

/** what is to change */
export interface UserChange {
  role?: 'administrator' | 'analyst' | 'reader';
  disabled?: boolean;
  /** a new one-time password; the second factor is enrolled anew */
  reset?: boolean;
}

/** a user that was made or changed */
export interface UserMade {
  user: User;
  /** shown this once */
  one_time_password?: string;
}

/** something that somebody did */
export interface AuditEntry {
  /** number, from 1 */
  n: number;
  time: string;
  /** name, or system */
  user: string;
  action: string;
  object: string;
  detail: string;
  /** over this entry and the hash of the one before */
  hash: string;
}

/** a page of the audit log, newest first */
export interface Audit {
  entries: Array<AuditEntry>;
  /** the chain of hashes holds from the first entry on */
  intact: boolean;
  /** `before` of the next page */
  next: number | null;
}

/** a push token, with which a sensor enrols */
export interface Token {
  label: string;
  created: string;
  /** who made it */
  by: string;
  last_used: string | null;
  /** how many enrolled with it */
  sensors: number;
  revoked: boolean;
}

/** push tokens */
export interface Tokens {
  tokens: Array<Token>;
}

/** a token to be made */
export interface TokenNew {
  label: string;
}

/** a token that was made */
export interface TokenMade {
  /** label:secret; shown this once */
  token: string;
}

/** a sensor and its standing */
export interface Sensor {
  /** 16 hexadecimal digits */
  id: string;
  name: string;
  status: 'pending' | 'authorised' | 'revoked';
  /** label of the token it enrolled with */
  token: string;
  /** of Thymus on it */
  version: string;
  first_seen: string;
  last_seen: string | null;
  /** where it last came from */
  address: string;
}

/** sensors */
export interface Sensors {
  sensors: Array<Sensor>;
}

/** a sensor's new standing */
export interface SensorChange {
  status: 'pending' | 'authorised' | 'revoked';
}

/** settings of the instance */
export interface Settings {
  /** the alert budget */
  alerts_per_day: number;
  /** a new sensor waits until somebody approves it */
  approve_sensors: boolean;
  /** a name of the tz database */
  time_zone: string;
  /** by kind of event */
  retention_days: Record<string, number>;
  /** disk space for events */
  data_bytes: number;
}

/** a device, in short */
export interface DeviceShort {
  id: string;
  ip?: string | null;
  hostname?: string | null;
  mac?: string | null;
}

/** a user of the network, in short */
export interface UserShort {
  id: string;
  name: string | null;
}

/** a device */
export interface Device extends DeviceShort {
  /** who was last seen logged in on it */
  user?: string | null;
  /** what it seems to be */
  kind: string;
  /** computer, server, printer, ..., by its traffic */
  type?: string | null;
  /** its system, by its traffic */
  os?: string | null;
  /** whose MAC it has */
  maker?: string | null;
  /** it made its MAC up */
  random_mac?: boolean | null;
  /** several systems speak from it: address translation, or a proxy */
  shared?: boolean | null;
  /** what it answers to others: web, dns, file-sharing, ... */
  offers?: Array<string> | null;
  first_seen: string;
  last_seen: string;
  /** highest of its breaches in 7 days, 0 to 100 */
  score: number;
  /** hours that its pattern of life rests on */
  learned_hours: number;
}

/** a page of devices */
export interface Devices {
  devices: Array<Device>;
  /** cursor of the next page */
  next: string | null;
}

/** the model that held */
export interface ModelShort {
  id: string;
  name: string;
  description: string;
  version: number;
  /** of MITRE ATT&CK */
  technique: string;
  /** of MITRE ATT&CK */
  tactic: string;
}

/** the other side */
export interface Peer {
  ip?: string | null;
  /** name */
  host?: string | null;
  /** registered domain of the name */
  domain?: string | null;
  port?: number | null;
  /** it is a device of one's own */
  inside?: boolean;
  /** then its id */
  device?: string;
  /** how many devices use it */
  devices?: number;
  /** of a user's breach: how many users use it */
  users?: number;
}

/** one reason why: what was seen against what was expected */
export interface Evidence {
  /** name of what was measured */
  feature: string;
  /** the same for people */
  label?: string;
  unit: string;
  observed: number | null;
  expected: number | null;
  /** lower end of the learned range */
  low: number | null;
  /** upper end of the learned range */
  high: number | null;
  /** probability of as much or more */
  p: number | null;
  /** in words */
  sentence: string;
  first?: string;
  last?: string;
  /** more of it, in words */
  detail?: string;
  /** name or address of the other side */
  peer?: string;
  /** how many devices use that peer */
  peer_devices?: number;
  /** of how many */
  all_devices?: number;
  /** how many users use that peer */
  peer_users?: number;
  /** of how many */
  all_users?: number;
}

/** a breach, in short */
export interface BreachShort {
  id: string;
  time: string;
  start: string;
  end: string;
  model: ModelShort;
  /** 0 to 100 */
  score: number;
  /** of a user's breach: the one that the credential was used from; null: none of ours, or several */
  device: DeviceShort | null;
  /** whom it is about, where that is no device */
  user?: UserShort;
  peer?: Peer | null;
  /** the incident it belongs to */
  incident: string | null;
  /** its first reason, in words */
  sentence?: string;
  /** hours with such evidence about this peer, this one too; absent: the first */
  hours?: number;
  /** begin of the first of them */
  since?: string;
  /** judged before its hour had ended; stays where the whole hour did not confirm it */
  early?: boolean;
  /** id of the group event that it is part of; then it has no incident */
  group_event?: string;
  /** its first reason */
  reason?: Evidence;
}

/** a breach: a model that held for a device in a window of time */
export interface Breach extends BreachShort {
  /** seen so many hours after it happened */
  late_hours?: number;
  /** why */
  evidence: Array<Evidence>;
}

/** a page of breaches, newest first */
export interface Breaches {
  breaches: Array<BreachShort>;
  /** cursor of the next page */
  next: string | null;
}

/** an incident, in short */
export interface IncidentShort {
  id: string;
  start: string;
  end: string;
  /** 0 to 100 */
  score: number;
  /** past the threshold of the alert budget */
  alert: boolean;
  /** how often it became an alert: anew whenever it is ten times as rare as at the last */
  alerts?: number;
  /** when it last became an alert */
  alerted?: string | null;
  state: 'open' | 'acknowledged';
  title: string;
  devices: Array<DeviceShort>;
  /** of the network, whom breaches are about */
  users?: Array<UserShort>;
  /** its strongest breach */
  lead?: BreachShort;
}

/** breaches that belong together */
export interface Incident extends IncidentShort {
  /** when it was found */
  first_seen: string;
  /** when it last changed */
  updated: string;
  /** what happened, in words */
  summary: string;
  /** ids, by time */
  breaches: Array<string>;
  /** of MITRE ATT&CK */
  tactics: Array<string>;
  /** seen so many hours after it happened */
  late_hours?: number;
}

/** an incident with its breaches */
export interface IncidentDetail extends Incident {
  /** by time */
  timeline: Array<BreachShort>;
}

/** a page of incidents, newest first */
export interface Incidents {
  incidents: Array<Incident>;
  /** cursor of the next page */
  next: string | null;
}

/** what devices of a group have in common */
export interface Shared {
  kind: 'destination' | 'port' | 'client';
  /** domain or address; port; client software */
  text: string;
  /** how many of them */
  devices: number;
}

/** what many devices of a group did in the same hour, in short */
export interface GroupEventShort {
  id: string;
  /** of the hour */
  start: string;
  end: string;
  /** of the evidence */
  first: string;
  last: string;
  group: 'client' | 'server';
  /** name of what was unusual */
  feature: string;
  /** all that was unusual of much the same devices */
  features: Array<string>;
  /** how many had part in it */
  devices: number;
  /** how many of them did what `feature` says */
  did: number;
  /** of so many that were active in the hour */
  of: number;
  /** so many are to be expected */
  usual: number;
  /** what at least half of them have in common, commonest first */
  shared: Array<Shared>;
  /** breaches that tell no more than this are part of it; false: each stays told for itself */
  discounted: boolean;
  /** of the best breach of it, 0 to 100 */
  score: number;
  /** past the threshold of the alert budget */
  alert: boolean;
  /** in words */
  sentence: string;
}

/** what many devices of a group did in the same hour */
export interface GroupEventDetail extends GroupEventShort {
  /** the devices, at most 1,024 */
  members: Array<DeviceShort>;
  /** that are part of it, best first, at most 1,024 */
  breaches: Array<BreachShort>;
}

/** a page of group events, newest first */
export interface GroupEvents {
  group_events: Array<GroupEventShort>;
  /** cursor of the next page */
  next: string | null;
}

/** an incident's new state */
export interface IncidentChange {
  state: 'open' | 'acknowledged';
  /** why; it stands in the audit log */
  comment?: string;
}

/** this is normal here; a device or a peer is named */
export interface PermitNew {
  /** id; null: any */
  device?: string | null;
  /** id of a model; null: any */
  model?: string | null;
  /** or all models of this tactic */
  tactic?: string | null;
  /** of the peer: this, or */
  address?: string | null;
  /** its name, or */
  host?: string | null;
  /** its registered domain; none: any peer */
  domain?: string | null;
  /** the peer's; null: any */
  port?: number | null;
  /** why; at most 240 bytes */
  reason: string;
  /** 1 to 365, 90 when it is missing; null: until it is ended, with the right to configure */
  days?: number | null;
  /** that led to it */
  breach?: string | null;
  /** to be acknowledged with it */
  incident?: string | null;
}

/** a permit that was made */
export interface PermitMade {
  id: string;
}

/** what somebody said is normal here */
export interface Permit {
  id: string;
  made: string;
  /** who said so */
  by: string;
  /** why */
  reason: string;
  /** null: until it is ended */
  until: string | null;
  state: 'active' | 'ended' | 'expired';
  ended: string | null;
  /** who ended it */
  ended_by: string | null;
  /** null: any */
  device: DeviceShort | null;
  /** id of a model; null: any */
  model?: string | null;
  /** or all models of this tactic */
  tactic?: string | null;
  /** of the peer: this, or */
  address?: string | null;
  /** its name, or */
  host?: string | null;
  /** its registered domain; none: any peer */
  domain?: string | null;
  /** the peer's; null: any */
  port?: number | null;
  /** of the model, for people, where it is known */
  model_name: string | null;
  /** that led to it */
  breach: string | null;
  /** that was acknowledged with it */
  incident: string | null;
  /** findings that it has held back */
  held: number;
  /** time of the last of them */
  last_held: string | null;
}

/** a page of permits, newest first */
export interface Permits {
  permits: Array<Permit>;
  /** cursor of the next page */
  next: string | null;
}

/** an address that a device had */
export interface DeviceAddress {
  ip: string;
  from: string;
  /** null: still has it */
  to: string | null;
}

/** a device with all that is known of it */
export interface DeviceDetail extends Device {
  addresses: Array<DeviceAddress>;
  breaches: Array<BreachShort>;
  incidents: Array<IncidentShort>;
  /** that it had part in */
  group_events: Array<GroupEventShort>;
  /** what /series has of it */
  features: Array<string>;
}

/** a user of the network */
export interface Credential extends UserShort {
  /** null: nobody was let in under the name */
  first_seen: string | null;
  last_seen: string | null;
  /** highest of its breaches in 7 days, 0 to 100 */
  score: number;
  /** hours with logins that its pattern of life rests on */
  learned_hours: number;
  breaches: Array<BreachShort>;
  incidents: Array<IncidentShort>;
  /** what /series has of it */
  features: Array<string>;
}

/** how far the pattern of life is */
export interface Learning {
  device_hours: number;
  since: string | null;
  /** what the scores rest on */
  calibration: 'prior' | 'own';
}

/** an hour of events */
export interface ActivityHour {
  /** its beginning */
  time: string;
  events: number;
  incidents: number;
}

/** sensors by standing */
export interface SensorCounts {
  authorised: number;
  pending: number;
  /** authorised, and not heard for a minute */
  silent: number;
}

/** the state of things */
export interface Overview {
  /** event time that has been reached */
  now: string;
  events_per_s: number;
  devices: number;
  learning: Learning;
  /** alerts that nobody has acknowledged */
  incidents_open: number;
  alerts_today: number;
  /** alerts a day */
  alert_budget: number;
  /** score from which an incident is an alert */
  threshold: number | null;
  /** the last 24 hours */
  activity: Array<ActivityHour>;
  /** the highest open ones */
  incidents: Array<IncidentShort>;
  sensors: SensorCounts;
}

/** a column of a search's result */
export interface Column {
  name: string;
  type: string;
  unit: string;
}

/** events in a part of the time */
export interface HistogramBucket {
  /** its beginning */
  time: string;
  n: number;
}

/** events over time */
export interface Histogram {
  bucket_s: number;
  counts: Array<HistogramBucket>;
}

/** a search to be kept, as the search screen was asked */
export interface SavedSearchNew {
  /** at most 80 bytes */
  name: string;
  /** search text, at most 4,096 bytes; may be empty */
  q: string;
  /** a time, or how long ago: -24h */
  from?: string;
  /** as from */
  to?: string;
  /** kinds, with commas between */
  kind?: string;
  /** columns, with commas between */
  columns?: string;
}

/** a search that a user keeps; members that were not given are empty */
export interface SavedSearch {
  id: string;
  name: string;
  q: string;
  from: string;
  to: string;
  kind: string;
  columns: string;
  saved: string;
}

/** the searches that one keeps, by name; at most 100 */
export interface SavedSearches {
  searches: Array<SavedSearch>;
}

/** packets of a host, either way round; what is not said fits all */
export interface PacketsWish {
  /** address */
  host: string;
  /** address of the other end */
  peer?: string;
  /** of the host; 0: any */
  port?: number;
  /** of the peer; 0: any */
  peer_port?: number;
  /** IP protocol; 0: any */
  proto?: number;
  from: string;
  to: string;
  /** of the file, at most 1 GiB; 64 MiB unless said */
  limit_bytes?: number;
}

/** packets that are asked for */
export interface PacketsNew {
  /** id; missing: one sensor after the other that is connected, until one has some */
  sensor?: string;
  wish: PacketsWish;
}

/** packets that were asked for, and what became of it */
export interface PacketsAsk {
  id: string;
  /** who asked */
  by: string;
  asked: string;
  /** id of the one that is asked */
  sensor: string;
  sensor_name: string;
  /** when it has none, the next sensor is asked */
  any: boolean;
  wish: PacketsWish;
  /** waiting: until the sensor comes for it; sent: it looks */
  state: 'waiting' | 'sent' | 'arriving' | 'done' | 'failed';
  /** when it was done or failed; a day later it goes */
  finished: string | null;
  /** of the file, as far as it is there */
  bytes: number;
  /** in it, when it is done */
  packets: number;
  /** there were more than limit_bytes */
  cut: boolean;
  /** of all packets that the sensor keeps */
  oldest: string | null;
  /** why it failed, or what is missing; empty: nothing */
  problem: string;
}

/** packets that were asked for */
export interface PacketsAsks {
  /** oldest first */
  asks: Array<PacketsAsk>;
}

/** a page of events */
export interface SearchResult {
  columns: Array<Column>;
  /** by Zeek's names, and _kind, _time, _id, _entity */
  rows: Array<Record<string, unknown>>;
  /** events that match, where it was counted */
  total: number | null;
  /** false: the newest events could not be had in time and are not in the answer */
  newest: boolean;
  /** a limit was met: there is more */
  truncated: boolean;
  /** cursor of the next page */
  next: string | null;
  /** when it was asked for */
  histogram?: Histogram;
  took_ms: number;
  scanned_bytes: number;
}

/** a field of a kind of event */
export interface Field {
  /** Zeek's name */
  name: string;
  type: string;
  unit: string;
  help: string;
}

/** a kind of event */
export interface Kind {
  name: string;
  help: string;
  fields: Array<Field>;
}

/** every kind of event and its fields */
export interface Fields {
  kinds: Array<Kind>;
}

/** an hour of a metric */
export interface Point {
  time: string;
  observed: number | null;
  expected: number | null;
  low: number | null;
  high: number | null;
  p: number | null;
}

/** a metric of a device against its pattern of life */
export interface Series {
  unit: string;
  label: string;
  points: Array<Point>;
}

/** something that somebody should look after */
export interface Problem {
  severity: 'error' | 'warn' | 'info';
  /** one word, for programs */
  code: string;
  /** what happened, to what, what to do */
  text: string;
  since?: string | null;
  /** what it is about */
  object?: string;
}

/** a role of the master */
export interface RoleStatus {
  name: string;
  state: 'up' | 'down' | 'starting';
  pid?: number;
  restarts?: number;
  /** why it ended last */
  last_exit?: string | null;
  up_s?: number;
  /** since it began */
  counters: Record<string, number>;
  /** of now */
  gauges: Record<string, number>;
  problems: Array<Problem>;
}

/** what a source lost, and where */
export interface SourceLost {
  /** events that a full spool dropped */
  spool_dropped: number;
  /** packets that the capture could not take */
  capture_drops: number;
  /** holes in the numbering of batches */
  gaps: number;
}

/** what a sensor says of itself, since it was started */
export interface SensorReport {
  /** id */
  sensor: string;
  /** when it said so */
  heard: string;
  /** taken by its capture */
  packets: number;
  /** packets that found no room in the capture's ring */
  drops: number;
  /** packets that its interfaces lost before any capture, by their own count */
  nic_lost: number;
  /** packets that it had seen already, another way, and left out */
  copies: number;
  /** packets that its filter and its excluded networks left out on purpose; with several workers right to a second */
  excluded: number;
  /** flows that had to end early, for want of memory */
  evicted: number;
  /** of streams, that were waited for and given up for want of memory */
  bytes_given_up: number;
  /** in streams, given up for want of memory */
  holes: number;
  /** of packets, that became none: too many waited, or their first did not come */
  fragments_dropped: number;
  /** of connections, for want of memory */
  analyses_given_up: number;
  /** seconds in which a part of it did not run */
  unwatched_s: number;
  /** that it watches */
  interfaces: number;
  /** of these, that are down: nothing of them is seen */
  interfaces_down: number;
  /** put into its spool */
  events: number;
  /** for which there was no room before the spool */
  events_lost: number;
  /** in its spool */
  spool_bytes: number;
  /** that its spool may hold */
  spool_limit_bytes: number;
  /** events that its full spool dropped */
  spool_dropped: number;
  /** batches that the master does not have yet */
  queue: number;
  /** batches that it sent again */
  resent: number;
  /** batches that the master will not have */
  refused: number;
  /** packets that it wrote to its disk; this and what follows are missing where none are kept */
  kept_packets?: number;
  /** of packets on its disk */
  kept_bytes?: number;
  /** that these may be */
  keep_limit_bytes?: number;
  /** packets that its disk was too slow for */
  keep_dropped?: number;
  /** time of the oldest kept packet, seconds since 1970 UTC; 0: there is none */
  keep_oldest_s?: number;
  /** 1: its disk takes no packets */
  keep_failing?: number;
  /** codes of what was wrong with it in its last minute; the page's problems have the sentences */
  problems: Array<string>;
}

/** a source of events */
export interface Source {
  /** id */
  sensor: string;
  name: string;
  status: string;
  last_batch: string | null;
  rate_events_s: number;
  /** how far it is behind */
  lag_s: number | null;
  /** added to its times */
  clock_offset_s: number;
  batches: number;
  events: number;
  lost?: SourceLost;
  /** by reason */
  refused?: Record<string, number>;
  /** of the sensor itself */
  report?: SensorReport;
}

/** who follows the log */
export interface Follower {
  name: string;
  position: number;
  lag_records: number;
  lag_s?: number | null;
}

/** the log */
export interface LogStatus {
  /** position of the oldest record */
  first: number;
  /** position of the next record */
  next: number;
  bytes: number;
  /** bytes */
  limit: number;
  followers: Array<Follower>;
}

/** what was refused, and how often */
export interface Refusals {
  /** requests without TLS */
  plain_http: number;
  /** TLS below 1.2, other ciphers, failed handshakes */
  tls: number;
  unknown_sensor: number;
  /** of sensors that wait to be authorised */
  pending: number;
  revoked: number;
  bad_token: number;
  bad_signature: number;
  /** meant for another master */
  wrong_instance: number;
  replayed: number;
  reordered: number;
  bomb: number;
  malformed: number;
  /** there was no room; sent again later */
  full: number;
}

/** events at rest */
export interface StorageStatus {
  data_bytes: number;
  /** bytes */
  data_limit: number;
  segments: number;
  rows: number;
  oldest: string | null;
}

/** health of every part */
export interface Status {
  /** of Thymus */
  version: string;
  /** name */
  instance: string;
  started: string;
  roles: Array<RoleStatus>;
  sources: Array<Source>;
  /** null: not known yet */
  log: LogStatus | null;
  refusals: Refusals;
  /** of all roles */
  problems: Array<Problem>;
  /** null: not known yet */
  storage: StorageStatus | null;
}

/** event pulse of /stream, each second */
export interface Pulse {
  time: string;
  events_per_s: number;
  /** position of the log's next record */
  log_next: number;
  /** of the slowest follower */
  lag_s: number | null;
  /** how many there are */
  problems: number;
}

/** event joined of /stream: an incident has become part of an elder one */
export interface IncidentJoined {
  /** it is gone; asked for by this id the elder is given */
  id: string;
  /** the elder's id */
  into: string;
}

/** event withdrawn of /stream: an incident is gone, all of it was part of a group event */
export interface IncidentWithdrawn {
  id: string;
  /** its id */
  group_event: string;
}

/** event status of /stream: ask /status again */
export interface StatusChanged {
  /** how many there are */
  problems: number;
}
