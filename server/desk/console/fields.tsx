/** The fields of forms: each with its label, and what helps to fill it in. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  readonly label: string;
  readonly hint?: string;
}

const inputTypes = {
  text: { type: "text" },
  password: { type: "password" },
  month: { type: "month" },
  search: { type: "search" },
} as const;

/** A line of text. */
export function TextField({
  label,
  hint,
  value,
  onValue,
  type = "text",
  autoComplete = "off",
  required = "yes",
  maxLength = 256,
  minLength,
}: FieldProps & {
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly type?: keyof typeof inputTypes;
  readonly autoComplete?: "off" | "name" | "current-password" | "new-password";
  readonly required?: "yes" | "no";
  readonly maxLength?: number;
  readonly minLength?: number;
}) {
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint}>
      <input
        id={id}
        {...inputTypes[type]}
        value={value}
        autoComplete={autoComplete}
        required={required === "yes"}
        maxLength={maxLength}
        {...(minLength === undefined ? {} : { minLength })}
        {...(hint === undefined ? {} : { "aria-describedby": `${id}-hint` })}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    </Labelled>
  );
}

/** Several lines of text. */
export function TextArea({
  label,
  hint,
  value,
  onValue,
  required = "yes",
}: FieldProps & {
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly required?: "yes" | "no";
}) {
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint}>
      <textarea
        id={id}
        rows={3}
        value={value}
        required={required === "yes"}
        maxLength={1_000}
        {...(hint === undefined ? {} : { "aria-describedby": `${id}-hint` })}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    </Labelled>
  );
}

/** One of a few. */
export function Choice<Value extends string>({
  label,
  hint,
  value,
  options,
  onValue,
}: FieldProps & {
  readonly value: Value;
  readonly options: readonly { readonly value: Value; readonly words: string }[];
  readonly onValue: (value: Value) => void;
}) {
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint}>
      <select
        id={id}
        value={value}
        {...(hint === undefined ? {} : { "aria-describedby": `${id}-hint` })}
        onChange={(event) => {
          const chosen = options.find((one) => one.value === event.currentTarget.value);
          if (chosen !== undefined) onValue(chosen.value);
        }}
      >
        {options.map((one) => (
          <option key={one.value} value={one.value}>
            {one.words}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

/** One of a few that need explaining: a radio button whose name is short, and described by what it does. */
export function RadioChoice({
  name,
  title,
  does,
  chosen,
  disabled = false,
  onChosen,
}: {
  /** Of the group. */
  readonly name: string;
  readonly title: string;
  readonly does: string;
  readonly chosen: boolean;
  readonly disabled?: boolean;
  readonly onChosen: () => void;
}) {
  const id = useId();
  return (
    <label class="choice">
      <input
        type="radio"
        name={name}
        checked={chosen}
        disabled={disabled}
        aria-labelledby={`${id}-title`}
        aria-describedby={`${id}-does`}
        onChange={onChosen}
      />
      <span>
        <strong id={`${id}-title`}>{title}</strong>
        <span id={`${id}-does`} class="hint">
          {does}
        </span>
      </span>
    </label>
  );
}

/** Something to tick. */
export function Tick({
  label,
  ticked,
  onTicked,
}: {
  readonly label: string;
  readonly ticked: boolean;
  readonly onTicked: (ticked: boolean) => void;
}) {
  return (
    <label class="tick">
      <input type="checkbox" checked={ticked} onChange={(event) => onTicked(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}

function Labelled({
  id,
  label,
  hint,
  children,
}: {
  readonly id: string;
  readonly label: string;
  readonly hint: string | undefined;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      {hint === undefined ? undefined : (
        <p id={`${id}-hint`} class="hint">
          {hint}
        </p>
      )}
    </div>
  );
}
