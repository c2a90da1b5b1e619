import { MembershipEntity } from '#features/teams/membership.entity.ts';
import { TeamEntity } from '#features/teams/team.entity.ts';
import { UserEntity } from '#features/users/user.entity.ts';

/** Every entity of the service; one that is missing here does not exist for the ORM. */
export const entities = [UserEntity, TeamEntity, MembershipEntity] as const;
