import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import sharp from "sharp";
import { afterEach, describe, expect, it } from "vitest";
import { previewLink } from "../../../sdk/node/previews/link-preview.js";
import { readPageWords } from "../../../sdk/node/previews/page-words.js";
import { isPublicAddress } from "../../../sdk/node/previews/public-address.js";

const servers: Server[] = [];
const asked: string[] = [];
afterEach(() => {
  asked.length = 0;
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function site(answer: RequestListener): Promise<string> {
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.cookie ?? ""}`.trim());
    answer(request, response);
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}

const page = (head: string) => `<!doctype html><html><head>${head}</head><body><p>words</p></body></html>`;
const html = { "content-type": "text/html; charset=utf-8" };
const uploaded: Uint8Array[] = [];
const client = {
  attachments: {
    async upload(source: Uint8Array) {
      uploaded.push(source);
      const fill = (size: number) => new Uint8Array(size);
      return {
        id: fill(16),
        key: fill(32),
        digest: fill(32),
        sizeBytes: source.length,
        media: "file",
        mime: "x",
      } as never;
    },
  },
};
/** For tests the page is on this machine. */
const mayAsk = (address: string) => address === "127.0.0.1" || address === "::1";

describe("a link preview", () => {
  it("says what the page says of itself, with its picture made small and uploaded sealed", async () => {
    const picture = await sharp({ create: { width: 900, height: 600, channels: 3, background: "teal" } })
      .jpeg()
      .toBuffer();
    const url = await site((request, response) => {
      if (request.url === "/a/pic.jpg") return response.writeHead(200, { "content-type": "image/jpeg" }).end(picture);
      const head =
        '<title>plain</title><meta property="og:title" content="A &amp; B"><meta name="description" content="about\n it">';
      return response.writeHead(200, html).end(page(`${head}<meta property="og:image" content="pic.jpg">`));
    });
    const preview = await previewLink(client, `${url}/a/page`, { mayAsk });
    expect(preview).toMatchObject({ url: `${url}/a/page`, title: "A & B", description: "about it" });
    expect(preview?.image).toMatchObject({ mime: "image/webp", width: 320, height: 213 });
    expect(uploaded.at(-1)).not.toEqual(new Uint8Array(picture));
    expect(asked).toEqual(["/a/page", "/a/pic.jpg"]);
  });

  it("asks nobody on this machine or its network unless told to, by number, name or redirect", async () => {
    const url = await site((_request, response) => response.writeHead(200, html).end(page("<title>secret</title>")));
    const { port } = new URL(url);
    const hosts = [
      "localhost",
      "127.0.0.1",
      "[::1]",
      "0.0.0.0",
      "[::ffff:127.0.0.1]",
      "2130706433",
      "0x7f.1",
      "localhost.",
    ];
    for (const host of hosts) expect(await previewLink(client, `http://${host}:${port}/`), host).toBeUndefined();
    expect(asked).toEqual([]);
    const moved = await site((_request, response) =>
      response.writeHead(302, { location: `http://127.0.0.2:${port}/` }).end(),
    );
    expect(await previewLink(client, moved, { mayAsk })).toBeUndefined();
  });

  it.each([
    ["an error", (response: Answer) => response.writeHead(404, html).end(page("<title>gone</title>"))],
    ["no page", (response: Answer) => response.writeHead(200, { "content-type": "application/json" }).end("{}")],
    ["a page without a title", (response: Answer) => response.writeHead(200, html).end(page(""))],
    ["redirects without end", (response: Answer) => response.writeHead(302, { location: "/again" }).end()],
    ["a redirect elsewhere", (response: Answer) => response.writeHead(302, { location: "file:///etc/passwd" }).end()],
    ["nothing", (response: Answer) => response.destroy()],
  ])("is none of %s", async (_name, answer) => {
    const url = await site((_request, response) => answer(response));
    expect(await previewLink(client, url, { mayAsk })).toBeUndefined();
    expect(asked.length).toBeLessThanOrEqual(4);
  });

  it("reads no more than half a megabyte of an endless page", async () => {
    let sent = 0;
    const url = await site((_request, response) => {
      response.writeHead(200, html).write("<title>endless</title>");
      const more = () => {
        while (sent < 64_000_000 && response.write("x".repeat(65_536))) sent += 65_536;
      };
      response.on("drain", more);
      more();
    });
    expect(await previewLink(client, url, { mayAsk })).toMatchObject({ title: "endless" });
    expect(sent).toBeLessThan(16_000_000);
  });

  it("is the page's words without a picture that is none", async () => {
    const url = await site((request, response) =>
      request.url === "/"
        ? response.writeHead(200, html).end(page('<title>t</title><meta property="og:image" content="/x.svg">'))
        : response.writeHead(200).end("<svg/>"),
    );
    expect(await previewLink(client, `${url}/`, { mayAsk })).toEqual({ url: `${url}/`, title: "t" });
  });

  it("ends with its signal", async () => {
    const url = await site(() => undefined);
    const end = new AbortController();
    const made = previewLink(client, url, { mayAsk, signal: end.signal });
    end.abort();
    await expect(made).rejects.toMatchObject({ code: "aborted" });
  });

  it.each(["", "no link", "ftp://example.org/", "javascript:alert(1)", `https://example.org/${"x".repeat(2_048)}`])(
    "refuses %j as a link",
    async (link) => {
      await expect(previewLink(client, link)).rejects.toMatchObject({ code: "invalidArgument" });
    },
  );
});

type Answer = Parameters<RequestListener>[1];

describe("a page's words", () => {
  it("are cut, of one line, and turn nothing around", () => {
    const title = "  a\u202eb\u0000c\n\td ";
    expect(readPageWords(`<title>${title}</title>`).title).toBe("a b c d");
    expect(readPageWords(`<title>${"x".repeat(100_000)}`).title?.length).toBeLessThan(200_000);
    expect(readPageWords("")).toEqual({ title: undefined, description: undefined, image: undefined });
    expect(readPageWords("<title>a</title><body><meta property='og:title' content='b'></body>").title).toBe("a");
  });
});

describe("an address of the open internet", () => {
  it.each(["1.1.1.1", "93.184.216.34", "2606:4700::1111"])("is %s", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    ...["10.0.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0"],
    ...["224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1"],
    ...[
      "::1",
      "::",
      "fe80::1",
      "fc00::1",
      "ff02::1",
      "::ffff:10.0.0.1",
      "64:ff9b::a00:1",
      "2002:a00:1::",
      "2001:db8::1",
      "2001::1",
    ],
    ...["", "example.org", "1.1.1", "1.1.1.1%eth0"],
  ])("is not %s", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});
