/** The tables of PROTOCOL.md, by the name of their markers. */

import {
  askBodies,
  closeCodes,
  closeMeanings,
  contentFields,
  contentKinds,
  type Direction,
  deskAnswers,
  type Failure,
  type FrameRow,
  failures,
  type field,
  frames,
  type GroupEntryKindRow,
  groupBodies,
  groupEntryFields,
  groupEntryKinds,
  groupStateFields,
  headFields,
  headLayerFields,
  type Limit,
  limits,
  linkRecords,
  manifestFields,
  noteBodies,
  ownBodies,
  payloadFields,
  type RegisterKindRow,
  registersBody,
  registerTable,
  sanctionFields,
  wordsLayerFields,
} from "@sotto/protocol";
import { grouped, table } from "./table.js";

type Fields = Readonly<Record<string, field.Field<unknown>>>;

/** Every generated section. */
export const protocolSections: Readonly<Record<string, () => string>> = {
  "frames-to-relay": () => framesOf("toRelay"),
  "frames-to-client": () => framesOf("toClient"),
  failures: failureTable,
  limits: limitTable,
  "close-codes": closeCodeTable,
  "content-header": () => fieldTable(contentFields),
  "content-kinds": kindTable,
  payload: () => fieldTable(payloadFields),
  "own-bodies": () => recordTables(ownBodies),
  registers: () => recordTables({ registers: registersBody }),
  "register-kinds": registerKindTable,
  "link-records": () => recordTables(linkRecords),
  "group-entry": () => fieldTable(groupEntryFields),
  "group-entry-kinds": entryKinds,
  "group-state": () => fieldTable(groupStateFields),
  "group-bodies": () => recordTables(groupBodies),
  "frank-head": () => fieldTable(headFields),
  "head-layer": () => listing(headLayerFields),
  "words-layer": () => listing(wordsLayerFields),
  manifest: () => listing(manifestFields),
  asks: () => recordTables(askBodies),
  "desk-answers": () => recordTables(deskAnswers),
  notes: () => recordTables(noteBodies),
  sanction: () => fieldTable(sanctionFields),
};

/** A heading, the doc and the fields of each frame: as one table, the rows would be too wide to read. */
function framesOf(direction: Direction): string {
  return Object.entries<FrameRow>(frames)
    .filter(([, row]) => row.direction === direction)
    .map(([name, { tag, stages, fields, doc }]) => {
      const form = Object.keys(fields).length === 0 ? "No fields." : fieldTable(fields);
      return `#### ${tag} \`${name}\`\n\n${doc} On: ${stages.join(", ")}.\n\n${form}`;
    })
    .join("\n\n");
}

function fieldTable(fields: Fields): string {
  const rows = Object.entries(fields).map(([name, { doc }], index) => [index + 1, `\`${name}\``, doc]);
  return table(["Place", "Field", "Form and bounds"], rows);
}

/** A heading and the fields of each record, indented by how deep they lie. */
function recordTables(records: Readonly<Record<string, Pick<field.Field<unknown>, "doc">>>): string {
  return Object.entries(records)
    .map(([name, { doc }]) => `#### \`${name}\`\n\n\`\`\`text\n${indented(doc)}\n\`\`\``)
    .join("\n\n");
}

/** The fields of one record whose parts are too deep for a table. */
function listing(fields: Fields): string {
  const lines = Object.entries(fields).map(([name, { doc }]) => `${name}: ${indented(doc)}`);
  return `\`\`\`text\n${lines.join("\n")}\n\`\`\``;
}

/** A record's doc with one field a line, indented by how deep its brackets stand. */
function indented(doc: string): string {
  if (doc === "[]") return doc;
  let depth = 0;
  return doc.replaceAll(/\[|; |\]/g, (mark) => {
    depth += mark === "[" ? 1 : mark === "]" ? -1 : 0;
    const line = `\n${"  ".repeat(depth)}`;
    return mark === "]" ? `${line}]` : mark === "[" ? `[${line}` : `${line}`;
  });
}

function kindTable(): string {
  const rows = Object.entries(contentKinds).map(([kind, { number, body, doc }]) => [
    number,
    `\`${kind}\``,
    bodyOf(body),
    doc,
  ]);
  return table(["Number", "Kind", "Body", "Meaning"], rows);
}

function registerKindTable(): string {
  const rows = Object.entries<RegisterKindRow>(registerTable).map(([kind, { doc, key, value, most, kept }]) => [
    `\`${kind}\``,
    `\`${key}\``,
    bodyOf(value) || "no fields",
    grouped(most),
    grouped(kept),
    doc,
  ]);
  return table(["Kind", "Key", "Value", "Makes", "Keeps", "Meaning"], rows);
}

/** What each kind of entry does, and then its body: those of a new epoch are too deep for a table. */
function entryKinds(): string {
  const kinds = Object.entries<GroupEntryKindRow>(groupEntryKinds);
  const rows = kinds.map(([kind, { number, doc }]) => [number, `\`${kind}\``, doc]);
  const bodies = Object.fromEntries(kinds.map(([kind, { body }]) => [kind, body]));
  return `${table(["Number", "Kind", "Meaning"], rows)}\n\n${recordTables(bodies)}`;
}

/** The fields of a body, one a line: the words of a record between its brackets. */
function bodyOf({ doc }: field.Field<unknown>): string {
  return doc.slice(1, -1).replaceAll("; ", "<br>");
}

function failureTable(): string {
  const rows = Object.entries<Failure>(failures)
    .filter(([, { wire }]) => wire !== 0)
    .map(([code, { wire, fault, retry, remedy }]) => [wire, `\`${code}\``, fault, retry, remedy]);
  return table(["Number", "Code", "At fault", "Retry", "Remedy"], rows);
}

function limitTable(): string {
  const rows = Object.entries<Limit>(limits).map(([name, { value, unit, why }]) => [
    `\`${name}\``,
    `${grouped(value)} ${unit}`,
    why,
  ]);
  return table(["Limit", "Value", "What it bounds"], rows);
}

function closeCodeTable(): string {
  const rows = Object.entries(closeCodes).map(([name, code]) => [
    code,
    `\`${name}\``,
    closeMeanings[name as keyof typeof closeCodes],
  ]);
  return table(["Code", "Name", "Meaning"], rows);
}
