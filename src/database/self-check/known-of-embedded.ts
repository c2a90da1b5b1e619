/** Of the embedded server, which is the service's own, on the machine of whoever develops it. */
export const KNOWN_OF_EMBEDDED: ReadonlySet<string> = new Set(['keepalive', 'data-checksums']);
