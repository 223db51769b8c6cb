/** Files in a message: their name and size first; a picture, sound or film after a click, blurred until a second one; the rest as a download with a warning. */

import type { MediaKind } from "@sotto/protocol";
import { useEffect, useRef, useState } from "preact/hooks";
import { useBlobBytes } from "./blob-bytes.js";
import type { BlobKey } from "./disclosed.js";
import { DownloadDialog } from "./download-dialog.js";
import { errorOf } from "./hooks.js";
import { HostileLine } from "./hostile-text.js";
import { type ShowableMedia, showableMedia } from "./media-type.js";
import { sizeText } from "./time-words.js";

const MAX_EDGE_PIXELS = 1_600;
const mediaWords: Readonly<Record<MediaKind, string>> = {
  file: "File",
  image: "Picture",
  voice: "Voice note",
  video: "Video",
};

/** What came of looking at a file. */
type Look =
  | { readonly kind: "closed" }
  | { readonly kind: "loading" }
  | { readonly kind: "refused"; readonly words: string }
  | { readonly kind: "shown"; readonly media: ShowableMedia; readonly bytes: Uint8Array<ArrayBuffer> };

/** One attachment. */
export function AttachmentView({
  attachment,
  blob,
  number,
}: {
  readonly attachment: {
    readonly media: MediaKind;
    readonly mime: string;
    readonly name?: string | undefined;
    readonly sizeBytes: number;
  };
  readonly blob: BlobKey | undefined;
  readonly number: number;
}) {
  const [download, setDownload] = useState<"no" | "asked">("no");
  const label = `${mediaWords[attachment.media]} ${number}`;
  return (
    <div class="attachment">
      <p class="attachment-facts">
        <strong>{label}</strong> <HostileLine text={attachment.name ?? "without a name"} />{" "}
        <span class="aside">
          {sizeText(attachment.sizeBytes)} · said to be <HostileLine text={attachment.mime} />
        </span>
      </p>
      {blob === undefined ? (
        <p class="aside">The reporter did not disclose this file.</p>
      ) : (
        <>
          {attachment.media === "file" ? undefined : <PictureView label={label} blob={blob} />}
          <button type="button" class="button quiet small" onClick={() => setDownload("asked")}>
            Download {label.toLowerCase()}…
          </button>
          {download === "asked" ? (
            <DownloadDialog label={label} blob={blob} onClose={() => setDownload("no")} />
          ) : undefined}
        </>
      )}
    </div>
  );
}

/** A picture, sound or film: fetched on a click, and by its bytes rather than by what it is said to be. */
export function PictureView({ label, blob }: { readonly label: string; readonly blob: BlobKey | undefined }) {
  const bytesOf = useBlobBytes();
  const [look, setLook] = useState<Look>({ kind: "closed" });
  const there = useRef(true);
  useEffect(
    () => () => {
      there.current = false;
    },
    [],
  );
  if (blob === undefined) return <p class="aside">The reporter did not disclose this file.</p>;
  const show = () => {
    setLook({ kind: "loading" });
    bytesOf(blob).then(
      (bytes) => there.current && setLook(lookAt(bytes)),
      (error: unknown) => there.current && setLook({ kind: "refused", words: errorOf(error).message }),
    );
  };
  switch (look.kind) {
    case "closed":
      return (
        <button type="button" class="button small" onClick={show}>
          Show {label.toLowerCase()}, blurred
        </button>
      );
    case "loading":
      return <p role="status">Fetching and checking…</p>;
    case "refused":
      return (
        <p class="banner bad" role="alert">
          {look.words}
        </p>
      );
    case "shown":
      return <Shown label={label} media={look.media} bytes={look.bytes} onHide={() => setLook({ kind: "closed" })} />;
    default:
      return look satisfies never;
  }
}

/** A picture that lies in the message itself. */
export function LocalPicture({ label, bytes }: { readonly label: string; readonly bytes: Uint8Array }) {
  const [look, setLook] = useState<Look>({ kind: "closed" });
  if (look.kind === "refused") return <p class="banner bad">{look.words}</p>;
  if (look.kind === "shown")
    return <Shown label={label} media={look.media} bytes={look.bytes} onHide={() => setLook({ kind: "closed" })} />;
  return (
    <button type="button" class="button small" onClick={() => setLook(lookAt(new Uint8Array(bytes)))}>
      Show {label.toLowerCase()}, blurred
    </button>
  );
}

function Shown({
  label,
  media,
  bytes,
  onHide,
}: {
  readonly label: string;
  readonly media: ShowableMedia;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly onHide: () => void;
}) {
  const [blur, setBlur] = useState<"on" | "off">("on");
  return (
    <figure class={`media blur-${blur}`}>
      {media.kind === "image" ? <Picture label={label} media={media} bytes={bytes} /> : undefined}
      {media.kind === "image" ? undefined : <Playable label={label} media={media} bytes={bytes} />}
      <figcaption class="form-actions start">
        {media.kind === "audio" ? undefined : (
          <button type="button" class="button small" onClick={() => setBlur(blur === "on" ? "off" : "on")}>
            {blur === "on" ? "Remove the blur" : "Blur again"}
          </button>
        )}
        <button type="button" class="button small" onClick={onHide}>
          Hide {label.toLowerCase()}
        </button>
      </figcaption>
    </figure>
  );
}

/** A picture as bare pixels, drawn anew: nothing else that lay in the file reaches the page. Of a moving one, the first frame. */
function Picture({
  label,
  media,
  bytes,
}: {
  readonly label: string;
  readonly media: ShowableMedia;
  readonly bytes: Uint8Array<ArrayBuffer>;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    let there = true;
    createImageBitmap(new Blob([bytes], { type: media.mime })).then(
      (bitmap) => {
        if (there && canvas.current !== null) draw(bitmap, canvas.current);
        bitmap.close();
      },
      () => there && setFailure("The browser cannot read this picture."),
    );
    return () => {
      there = false;
    };
  }, [bytes, media]);
  if (failure !== undefined) return <p class="banner bad">{failure}</p>;
  return <canvas ref={canvas} class="media-body" role="img" aria-label={label} />;
}

function Playable({
  label,
  media,
  bytes,
}: {
  readonly label: string;
  readonly media: Exclude<ShowableMedia, { kind: "image" }>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([bytes], { type: media.mime }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [bytes, media]);
  if (url === undefined) return null;
  return media.kind === "audio" ? (
    // biome-ignore lint/a11y/useMediaCaption: what strangers recorded has no captions
    <audio class="media-sound" controls preload="metadata" src={url} aria-label={label} />
  ) : (
    // biome-ignore lint/a11y/useMediaCaption: as above
    <video class="media-body" controls preload="metadata" src={url} aria-label={label} />
  );
}

function draw(bitmap: ImageBitmap, canvas: HTMLCanvasElement): void {
  const scale = Math.min(1, MAX_EDGE_PIXELS / Math.max(bitmap.width, bitmap.height));
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
}

function lookAt(bytes: Uint8Array<ArrayBuffer>): Look {
  const media = showableMedia(bytes);
  if (media !== undefined) return { kind: "shown", media, bytes };
  return { kind: "refused", words: "This is no picture, sound or film that is shown here, whatever it is said to be." };
}
