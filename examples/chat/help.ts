/** The commands, as `/help` shows them: all by name, or one subject with what each does. */

/** Commands by what they are about: how each is typed, and what it does. */
const SUBJECTS: Readonly<Record<string, readonly (readonly [usage: string, words: string])[]>> = {
  messages: [
    ["/reply TEXT", "answer the last message you received"],
    ["/edit TEXT", "change the words you sent last"],
    ["/delete", "take the last message you sent back, for everybody"],
    ["/react EMOJI", "react to the last message you received"],
    ["/retry", "send what was given up once more"],
    ["/search WORDS", "find messages on this device; the last word may be the beginning of one"],
    ["/pin N", "keep message N at hand, on your devices only; /unpin N"],
    ["/pins", "show what is pinned here"],
    ["/timer 1h", "have messages from here on vanish after they were read (30s, 5m, 7d), or off"],
  ],
  files: [
    ["/send PATH WORDS", "send a file, with words if you like; pictures lose where they were taken"],
    ["/voice PATH", "send a recording as a voice note"],
    ["/save N PATH", "save the file of message N (12.2: its second file), here or under a path"],
    ["/cancel", "stop sending and saving; the same command goes on where it was"],
    ["/pending", "list uploads that are not finished; /discard NUMBER gives one up"],
  ],
  more: [
    ["/poll Q | A | B", "ask a question with options, of which people choose one; /poll N shows one"],
    ["/polls Q | A | B", "the same, and people choose as many as they like"],
    ["/vote N 1", "vote in poll N; 1,2 for several, none takes it back"],
    ["/location N E NAME", "send a place, in degrees north and east"],
    ["/quick", "list words to send again; /quick NUMBER sends them"],
    ["/quick add TITLE TEXT", "keep some; {name} is whom you talk with. /quick remove NUMBER"],
  ],
  people: [
    ["/to NAME", "talk with one person"],
    ["/accept", "let whoever asked write to you; /decline says no without telling them"],
    ["/block", "refuse whoever asked, or the one you talk with; /unblock undoes it"],
    ["/report N WHY", "show what a report of message N would tell the moderators; /report yes sends it"],
    ["/reports", "list your reports and how they stand"],
    ["/policy WHO", "who may ask: everyone, grant (the host vouches), contacts, nobody"],
    ["/safety", "show the safety number; compare it over another channel"],
    ["/verify", "mark the safety number as compared"],
    ["/trust", "go on after the other side's safety number changed"],
    ["/name NAME", "set the name others may show for you"],
  ],
  groups: [
    ["/groups", "list your groups; /open TITLE goes to one"],
    ["/join", "take an invitation to a group; /decline puts it away"],
    ["/members", "list who is in it: ~NAME is what somebody calls themselves, digits are who you never wrote to"],
    ["/invite NAME", "invite people; /remove NAME, /admit NAME (who waits)"],
    ["/role NAME R", "make somebody member, admin or owner"],
    ["/title TEXT", "change the title"],
    ["/announce on", "only admins write; /approval on: admins let people in"],
    ["/leave", "leave the group"],
  ],
  devices: [
    ["/link", "show a code that links a new device, with your history (/link nohistory: without)"],
    ["/code DIGITS", "let it in if it shows the same; /unlink ends it"],
    ["/devices", "list your devices; /revoke NUMBER removes one, /rename NAME names this one"],
    ["/state", "show how this client is doing"],
  ],
};

/** What `/help` says of a subject; of everything if it is none. */
export function helpOn(subject: string): readonly string[] {
  if (Object.hasOwn(SUBJECTS, subject)) return described(subject);
  return [
    "Type a line and press Enter to send it. The number before a message is what commands mean it by.",
    ...Object.keys(SUBJECTS).map((name) => `  ${name.padEnd(9)} ${commandsOn(name).join(" ")}`),
    "/help files says more of these, and so on. /quit leaves (Ctrl-C too); what was not sent yet goes next time.",
  ];
}

function described(subject: string): readonly string[] {
  const commands = SUBJECTS[subject] ?? [];
  const longest = Math.max(...commands.map(([usage]) => usage.length));
  return commands.map(([usage, words]) => `  ${usage.padEnd(longest)}  ${words}`);
}

/** Every command that is named there. */
function commandsOn(subject: string): readonly string[] {
  const named = (SUBJECTS[subject] ?? []).flatMap(([usage, words]) => `${usage} ${words}`.match(/\/\w+/g) ?? []);
  return [...new Set(named)];
}
