// SPDX-License-Identifier: Apache-2.0
// Names of the ATT&CK techniques that the models name. ATT&CK is a registered trademark of The MITRE Corporation;
// names are proper names and are not translated.
const NAMES: Record<string, string> = {
  T1003: 'OS Credential Dumping',
  T1018: 'Remote System Discovery',
  T1021: 'Remote Services',
  'T1021.001': 'Remote Desktop Protocol',
  'T1021.002': 'SMB/Windows Admin Shares',
  'T1021.004': 'SSH',
  'T1021.006': 'Windows Remote Management',
  T1030: 'Data Transfer Size Limits',
  T1040: 'Network Sniffing',
  T1041: 'Exfiltration Over C2 Channel',
  T1046: 'Network Service Discovery',
  T1047: 'Windows Management Instrumentation',
  T1048: 'Exfiltration Over Alternative Protocol',
  'T1053.005': 'Scheduled Task',
  T1071: 'Application Layer Protocol',
  'T1071.001': 'Web Protocols',
  'T1071.004': 'DNS',
  T1074: 'Data Staged',
  'T1074.002': 'Remote Data Staging',
  T1078: 'Valid Accounts',
  T1090: 'Proxy',
  'T1090.001': 'Internal Proxy',
  T1095: 'Non-Application Layer Protocol',
  T1098: 'Account Manipulation',
  T1105: 'Ingress Tool Transfer',
  T1110: 'Brute Force',
  'T1110.003': 'Password Spraying',
  T1133: 'External Remote Services',
  T1190: 'Exploit Public-Facing Application',
  T1204: 'User Execution',
  'T1204.002': 'Malicious File',
  T1210: 'Exploitation of Remote Services',
  T1219: 'Remote Access Tools',
  T1486: 'Data Encrypted for Impact',
  T1496: 'Resource Hijacking',
  'T1496.001': 'Compute Hijacking',
  T1498: 'Network Denial of Service',
  T1537: 'Transfer Data to Cloud Account',
  T1567: 'Exfiltration Over Web Service',
  'T1567.002': 'Exfiltration to Cloud Storage',
  'T1568.002': 'Domain Generation Algorithms',
  T1569: 'System Services',
  'T1569.002': 'Service Execution',
  T1570: 'Lateral Tool Transfer',
  T1571: 'Non-Standard Port',
  T1572: 'Protocol Tunneling',
  T1573: 'Encrypted Channel',
  T1595: 'Active Scanning',
  'T1595.001': 'Scanning IP Blocks',
};

/** "T1071.001 Web Protocols", with its parent when the name alone says little. */
export function techniqueName(id: string): string {
  const parent = id.includes('.') ? NAMES[id.split('.')[0] ?? ''] : undefined;
  const name = NAMES[id];
  if (!name) return parent ?? '';
  return parent ? `${parent}: ${name}` : name;
}
