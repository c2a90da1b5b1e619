import { createHash } from 'node:crypto';
import { etagOf, requireMatch } from '#http/etag.ts';
import type { MemberBody } from './membership-schema.ts';
import type { Team } from './team.entity.ts';

const WITH_MEMBERS = /"(\d+)\.[\w-]+"/g;

/** Entity tag of a team shown alone, or of one shown with its members, which change while its version stays. */
export function etagOfTeam(team: Pick<Team, 'version'>, members?: readonly MemberBody[]): string {
  if (members === undefined) {
    return etagOf(team.version);
  }
  const digest = createHash('sha256').update(JSON.stringify(members)).digest('base64url');
  return `"${team.version}.${digest}"`;
}

/** Throws 412 when `ifMatch` names another version. A tag read with the members stands for the team's version. */
export function requireTeamMatch(ifMatch: string | undefined, team: Pick<Team, 'version'>): void {
  requireMatch(ifMatch?.replace(WITH_MEMBERS, '"$1"'), etagOf(team.version));
}
