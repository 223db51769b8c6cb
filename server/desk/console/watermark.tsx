/** The opener's name and time over everything that is open, so that a photograph of the screen says whose screen it was. */

const MARKS = 48;

/** Seen, not read aloud, and in nobody's way. */
export function Watermark({ text }: { readonly text: string }) {
  return (
    <div class="watermark" aria-hidden="true">
      {Array.from({ length: MARKS }, (_, index) => (
        <span key={index}>{text}</span>
      ))}
    </div>
  );
}
