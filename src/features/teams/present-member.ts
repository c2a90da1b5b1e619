import type { MemberBody } from './membership-schema.ts';
import type { MembershipWithUser } from './membership-service.ts';

/** A member of a team as the API shows it. */
export function presentMember(membership: MembershipWithUser): MemberBody {
  const user = membership.user.$;
  return {
    userId: user.id,
    email: user.email,
    name: user.name,
    role: membership.role,
    joinedAt: membership.createdAt.toISOString(),
  };
}
