// SPDX-License-Identifier: Apache-2.0
// Shapes of the API, as lib/web's tables have them.

export interface ApiFailure { error: { code: string; message: string; at?: number; retry_s?: number } }

export interface Login { user: string; password: string }
export interface NewPassword { password: string }
export interface Code { code?: string; recovery?: string }
export interface LoginStep {
  next: 'code' | 'password' | 'enrol' | 'done';
  lock_s?: number;
  otpauth?: string;
  qr_svg?: string;
  secret?: string;
  recovery_codes?: string[];
}
export interface Session {
  user: { id: number | string; name: string; role: string };
  rights: string[];
  csrf: string;
  expires: string;
  instance: { name: string; host_name: string; time_zone: string };
  version: string;
}
export interface Sessions {
  sessions: { id: string; user: string; created: string; last_seen: string; address: string; agent: string; current: boolean }[];
}
export interface PasswordChange { old: string; new: string }
export interface User {
  id: number | string;
  name: string;
  role: string;
  totp: boolean;
  locked: boolean;
  disabled?: boolean;
  created: string;
  last_login: string | null;
  must_change: boolean;
}
export interface Users { users: User[] }
export interface UserNew { name: string; role: string }
export interface UserMade { user: User; one_time_password?: string }
export interface UserChange { role?: string; disabled?: boolean; reset?: boolean }
export interface Audit {
  entries: { n: number; time: string; user: string; action: string; object: string; detail: string; hash: string }[];
  intact: boolean;
  next: number | null;
}
export interface Tokens {
  tokens: { label: string; created: string; by: string; last_used: string | null; sensors: number; revoked: boolean }[];
}
export interface TokenNew { label: string }
export interface TokenMade { token: string }
export interface Sensor {
  id: string;
  name: string;
  status: 'pending' | 'authorised' | 'revoked';
  token: string;
  version: string;
  first_seen: string;
  last_seen: string | null;
  address: string;
}
export interface Sensors { sensors: Sensor[] }
export interface SensorChange { status: 'authorised' | 'revoked' }
export interface Settings {
  alerts_per_day: number;
  approve_sensors: boolean;
  time_zone: string;
  retention_days: Record<string, number>;
  data_bytes: number;
}
export interface DeviceShort { id: string; ip: string | null; hostname: string | null; mac: string | null }
export interface Device extends DeviceShort {
  user: string | null;
  first_seen: string;
  last_seen: string;
  score: number;
  learned_hours: number;
  kind: string | null;
}
export interface Devices { devices: Device[]; next: string | null }
export interface Peer { ip: string | null; host: string | null; port: number | null; inside: boolean }
export interface BreachShort {
  id: string;
  time: string;
  start: string;
  end: string;
  model: { id: string; name: string; technique: string; tactic: string };
  score: number;
  device: DeviceShort;
  peer: Peer | null;
  incident: string | null;
  late_hours: number;
  sentence: string;
}
export interface Evidence {
  feature: string;
  label: string;
  unit: string;
  observed: number;
  expected: number | null;
  low: number | null;
  high: number | null;
  p: number | null;
  sentence: string;
  first: string;
  last: string;
  detail: string | null;
  peer: Peer | null;
}
export interface Breach extends Omit<BreachShort, 'model' | 'sentence'> {
  model: { id: string; name: string; description: string; version: number; technique: string; tactic: string };
  evidence: Evidence[];
}
export interface Breaches { breaches: BreachShort[]; next: string | null }
export interface Incident {
  id: string;
  start: string;
  end: string;
  first_seen: string;
  updated: string;
  score: number;
  alert: boolean;
  state: 'open' | 'acknowledged';
  title: string;
  summary: string;
  devices: DeviceShort[];
  breaches: string[];
  tactics: string[];
  late_hours: number;
}
export interface Incidents { incidents: Incident[]; next: string | null }
export interface IncidentDetail extends Incident { timeline: BreachShort[] }
export interface IncidentChange { state: 'open' | 'acknowledged'; comment?: string }
export interface DeviceDetail extends Device {
  addresses: { ip: string; from: string; to: string | null }[];
  breaches: BreachShort[];
  incidents: Incident[];
  features: string[];
}
export interface Overview {
  now: string;
  events_per_s: number;
  devices: number;
  learning: { device_hours: number; since: string; calibration: 'prior' | 'own' };
  incidents_open: number;
  alerts_today: number;
  alert_budget: number;
  threshold: number;
  activity: { time: string; events: number; incidents: number }[];
  incidents: Incident[];
  sensors: { authorised: number; pending: number; silent: number };
}
export interface Column { name: string; type: string; unit: string }
export type Row = Record<string, unknown>;
export interface SearchResult {
  columns: Column[];
  rows: Row[];
  total: number | null;
  truncated: boolean;
  next: string | null;
  histogram?: { bucket_s: number; counts: { time: string; n: number }[] };
  took_ms: number;
  scanned_bytes: number;
}
export interface Fields {
  kinds: { name: string; help: string; fields: { name: string; type: string; unit: string; help: string }[] }[];
}
export interface Series {
  unit: string;
  label: string;
  points: { time: string; observed: number | null; expected: number | null; low: number | null; high: number | null; p: number | null }[];
}
export interface Problem { severity: 'error' | 'warn' | 'info'; code: string; text: string; since: string; object: string }
export interface Status {
  version: string;
  instance: string;
  started: string;
  roles: {
    name: string;
    state: 'up' | 'down' | 'starting';
    pid: number;
    restarts: number;
    last_exit: string;
    up_s: number;
    counters: Record<string, number>;
    gauges: Record<string, number>;
    problems: Problem[];
  }[];
  sources: {
    sensor: string;
    name: string;
    status: string;
    last_batch: string | null;
    rate_events_s: number;
    lag_s: number;
    clock_offset_s: number;
    batches: number;
    events: number;
    lost: Record<string, number>;
    refused: Record<string, number>;
  }[];
  log: { first: number; next: number; bytes: number; limit: number; followers: { name: string; position: number; lag_records: number; lag_s: number }[] };
  refusals: Record<string, number>;
  problems: Problem[];
  storage: { data_bytes: number; data_limit: number; segments: number; rows: number; oldest: string | null };
}
export interface Pulse { events_per_s: number; log_next: number; lag_s: number; problems: number }
