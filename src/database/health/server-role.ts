/** What a server may be used for now. */
export interface ServerRole {
  /** It replays what another server has written. */
  readonly isStandby: boolean;
  /** Whoever runs it has set `default_transaction_read_only`, for the server, the database or the role. */
  readonly isReadOnlyByDefault: boolean;
  /** Up to there it has written its write-ahead log to disk, and sends it; undefined of a standby, and where nobody wants to know. */
  readonly walPosition: string | undefined;
}
