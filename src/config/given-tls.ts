import type { TlsFiles, TlsSettings } from './settings.ts';

/** What may be asked for, from nothing to everything. */
export const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
type SslMode = (typeof SSL_MODES)[number];

/** What one place says of TLS: the variables `DB_SSL_*`, or one URL. */
export interface GivenTls extends TlsFiles {
  readonly mode?: SslMode;
}

/** The names under which a place says it. */
type TlsNames = Readonly<Record<keyof GivenTls, string>>;

export const TLS_PARAMETERS = {
  mode: 'sslmode',
  rootCertFile: 'sslrootcert',
  certFile: 'sslcert',
  keyFile: 'sslkey',
} as const satisfies TlsNames;

export const TLS_VARIABLES = {
  mode: 'DB_SSL_MODE',
  rootCertFile: 'DB_SSL_ROOT_CERT',
  certFile: 'DB_SSL_CERT',
  keyFile: 'DB_SSL_KEY',
} as const satisfies TlsNames;

/** Everything that a place can say, by the name of its field. */
export const TLS_FIELDS = ['mode', 'rootCertFile', 'certFile', 'keyFile'] as const;

/** Whether a connection of this mode has a use for the file. */
function isUsed(file: keyof TlsFiles, mode: SslMode): boolean {
  return file === 'rootCertFile' ? mode.startsWith('verify-') : mode !== 'disable';
}

/**
 * Makes settings of what a URL says and, where it says nothing, of what the variables say; a file that the mode has no use for
 * is left out. Undefined = plain text.
 */
export function tlsSettings(url: GivenTls, variables: GivenTls = {}): TlsSettings | undefined {
  const { mode = 'disable', ...files } = { ...variables, ...url };
  if (mode === 'disable') return undefined;
  const { rootCertFile, certFile, keyFile } = files;
  return {
    mode,
    ...(rootCertFile !== undefined && isUsed('rootCertFile', mode) && { rootCertFile }),
    ...(certFile !== undefined && { certFile }),
    ...(keyFile !== undefined && { keyFile }),
  };
}

/**
 * What is wrong with what a URL says of TLS beside the variables. Nothing that is given is passed over: not a file without a
 * use, not half of a pair, not a second opinion.
 */
export function urlTlsFaults(url: GivenTls, variables: GivenTls = {}): readonly string[] {
  const mode = url.mode ?? variables.mode ?? 'disable';
  const differing = TLS_FIELDS.filter(
    (field) =>
      url[field] !== undefined && variables[field] !== undefined && url[field] !== variables[field],
  ).map((field) => `${TLS_PARAMETERS[field]} must be that of ${TLS_VARIABLES[field]}, or absent`);
  const useless = TLS_FIELDS.filter(
    (field) => field !== 'mode' && url[field] !== undefined && !isUsed(field, mode),
  ).map((field) => `has ${TLS_PARAMETERS[field]}, for which sslmode=${mode} has no use`);
  const isHalf = (url.certFile === undefined) !== (url.keyFile === undefined);
  return [
    ...differing,
    ...useless,
    ...(isHalf ? ['must have sslcert and sslkey, or neither'] : []),
  ];
}
