import type { EnvironmentValues } from './environment-schema.ts';
import type { FaultList } from './fault-list.ts';
import { TLS_FIELDS, TLS_PARAMETERS, TLS_VARIABLES } from './given-tls.ts';
import type { GivenTls } from './given-tls.ts';
import { readTextFile } from './read-secret-file.ts';
import type { DatabaseConnectionSettings, TlsFiles, TlsSettings } from './settings.ts';
import { certificateFault, keyFault } from './tls-material.ts';

/** A connection, and the variable that it came from. */
export interface FoundConnection {
  readonly variable: string;
  readonly connection: DatabaseConnectionSettings;
}

interface FileFault {
  readonly file: keyof TlsFiles;
  readonly fault: string;
}

/** What the variables `DB_SSL_*` say. */
export function readTlsVariables(values: EnvironmentValues): GivenTls {
  return Object.fromEntries(
    TLS_FIELDS.map((field) => [field, values[TLS_VARIABLES[field]]]).filter(
      ([, value]) => value !== undefined,
    ),
  );
}

/** Notes what is wrong with the variables beside the connections, and with every file that a connection will read. */
export function judgeTls(
  variables: GivenTls,
  found: readonly FoundConnection[],
  faults: FaultList,
): void {
  for (const field of TLS_FIELDS) {
    const isNeeded = found.some(({ connection: { tls } }) => tls?.[field] !== undefined);
    const isPlain = field === 'mode' && variables.mode === 'disable';
    if (variables[field] !== undefined && !isNeeded && !isPlain) {
      faults.add(
        TLS_VARIABLES[field],
        found.length === 0
          ? 'must be unset when DATABASE_URL is'
          : 'must be unset: no connection has a use for it, see DB_SSL_MODE',
      );
    }
  }
  const { certFile: cert, keyFile: key } = variables;
  if (cert !== undefined && key === undefined) {
    faults.add(TLS_VARIABLES.keyFile, `must be set when ${TLS_VARIABLES.certFile} is`);
  }
  if (cert === undefined && key !== undefined) {
    faults.add(TLS_VARIABLES.certFile, `must be set when ${TLS_VARIABLES.keyFile} is`);
  }
  const lines = found.flatMap(({ variable, connection: { tls } }) =>
    tls === undefined ? [] : fileFaults(tls).map((found) => lineOf(found, variable, variables)),
  );
  for (const [variable, fault] of new Map(lines.map((line) => [line.join(': '), line])).values()) {
    faults.add(variable, fault);
  }
}

/** A protection that works and is hardly one. */
export function tlsAdvice(tls: TlsSettings | undefined): readonly string[] {
  return tls?.mode === 'verify-ca' && tls.rootCertFile === undefined
    ? [
        'DB_SSL_MODE should be verify-full, or DB_SSL_ROOT_CERT be set: public authorities vouch for any server under some name',
      ]
    : [];
}

function fileFaults({ rootCertFile, certFile, keyFile }: TlsSettings): FileFault[] {
  const faults: FileFault[] = [];
  const read = (
    file: keyof TlsFiles,
    path: string | undefined,
    judge: (text: string) => string | undefined,
  ): string => {
    if (path === undefined) return '';
    const text = readTextFile(path);
    const fault = 'fault' in text ? text.fault : judge(text.value);
    if (fault !== undefined) faults.push({ file, fault });
    return 'fault' in text ? '' : text.value;
  };
  read('rootCertFile', rootCertFile, certificateFault);
  const certificate = read('certFile', certFile, certificateFault);
  read('keyFile', keyFile, (key) => keyFault(key, certificate));
  return faults;
}

/** The fault of a file, by the name under which it was given. */
function lineOf(
  { file, fault }: FileFault,
  variable: string,
  variables: GivenTls,
): readonly [variable: string, fault: string] {
  return variables[file] === undefined
    ? [variable, `${TLS_PARAMETERS[file]} ${fault}`]
    : [TLS_VARIABLES[file], fault];
}
