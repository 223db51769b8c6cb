/** What this desk says of itself to everybody, where the operator gave no words of its own. */

/** What moderators can do and cannot, in plain words. */
export const DEFAULT_STATEMENT = `What moderators here can do, and what they cannot

Your messages are end-to-end encrypted. Nobody at this service can read them: not the people who run the servers, and not moderators.

A moderator sees a message only if somebody who received it reports it. Then the moderator sees the messages that person chose to
share, who sent them and when, and can check that they are genuine. Nothing else of the conversation is disclosed.

Moderators can
- see that somebody reported somebody, for what, and how many others did
- open a report that was made to them, with a reason that is logged
- ask the person who reported for more messages, which that person may refuse
- warn an account, stop it from starting new conversations, mute it, remove one of its devices, or suspend it, for a time or until
  that is lifted; what is severe takes two people
- lift all of this again

Moderators cannot
- read messages that nobody reported
- search or scan messages
- change a message, or make one up: a report that does not match what was sent is refused
- open a case without an entry in a log that cannot be changed unseen
- tell you who reported you

A message can be reported for 30 days; then the keys that could prove anything about it are destroyed. What was shared in a report is
deleted after 30 days, or once the time to appeal is over.

If something was done to your account you are told what, why and for how long, and you may appeal for six months. Somebody else than
who decided will look at it.
`;
