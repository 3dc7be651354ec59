// A small world for pictures and for what looks at every screen: people, rooms, and what they said.

import { deflateSync } from "node:zlib";

import { Person } from "./people.mjs";

/** A picture of an evening over hills, as PNG: rows of pixels, one colour a row but for the hills. */
export function landscape(width = 640, height = 400) {
  const crc = (bytes) => {
    let sum = ~0;
    for (const byte of bytes) {
      sum ^= byte;
      for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return ~sum >>> 0;
  };
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc(body));
    return Buffer.concat([length, body, sum]);
  };
  const mix = (one, other, share) => one.map((value, index) => Math.round(value + (other[index] - value) * share));
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const far = height * (0.62 + 0.07 * Math.sin(x / 90) + 0.03 * Math.sin(x / 31));
      const near = height * (0.78 + 0.05 * Math.sin(x / 120 + 2) + 0.02 * Math.sin(x / 23));
      const sun = Math.hypot(x - width * 0.68, y - height * 0.46) < height * 0.11;
      const sky = mix([58, 86, 128], [246, 196, 132], Math.min(1, y / (height * 0.66)));
      const colour = y > near ? [20, 62, 58] : y > far ? [44, 99, 92] : sun ? [255, 236, 190] : sky;
      rows.set(colour, y * (width * 3 + 1) + 1 + x * 3);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const none = Buffer.alloc(0);
  return Buffer.concat([magic, chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", none)]);
}

/** Fills a fresh server. */
export async function furnish(base) {
  const make = (username, name) => Person.make(base, { username, name });
  const [sara, ali, mina, reza, nika] = await Promise.all([
    make("sara", "سارا رضایی"),
    make("ali", "علی مرادی"),
    make("mina", "Mina Karimi"),
    make("reza", "رضا"),
    make("nika", "نیکا"),
  ]);
  const all = [ali, mina, reza, nika];
  const tea = await reza.room("چای و کتاب", { members: [sara], description: "هر هفته یک کتاب، هر روز یک چای" });
  const rust = await mina.room("Rust Tehran", {
    members: [sara, ali],
    description: "Systems, servers, and the odd lifetime",
  });
  const team = await sara.room("تیم طراحی", { kind: "private", members: [nika, ali] });
  const friends = await sara.room("دوستان", { members: all, description: "گپ‌های روزانه، قرارهای آخر هفته" });
  await nika.room("کوهنوردی", { description: "جمعه‌ها، پنج صبح، پای دربند" });
  await ali.room("Photography", { description: "One picture a day" });

  await reza.say(tea, "این هفته «بوف کور» را می‌خوانیم؛ فصل اول تا سه‌شنبه.");
  await mina.say(rust, "The new release is out: https://blog.rust-lang.org/");
  await ali.say(rust, "Thanks! Upgrading tonight.");
  await nika.say(team, "نسخه‌ی تازه‌ی طرح‌ها را گذاشتم");
  const direct = await ali.direct(sara);
  await ali.say(direct, "سارا جان، عکس‌های دیروز را دیدی؟");
  await sara.say(direct, "آره، عالی بودند 😍");

  const first = await ali.say(friends, "سلام به همه! فردا هوا آفتابی است 🌞 برویم بیرون؟");
  await nika.say(friends, "من هستم 🙋‍♀️");
  const plan = await mina.say(friends, "I'm in! How about Darband at 9? Map: https://example.org/darband");
  const picture = await ali.upload(landscape(), "غروب-دیروز.png", "image/png");
  const shown = await ali.say(friends, "این هم غروب دیروز", { attachments: [picture.id] });
  await sara.say(friends, `عالی شد ${"@"}ali، دستت درد نکند 👏`, { reply_to: shown.id });
  await sara.say(friends, "ساعت ۹ پای میدان، هر کس چای خودش را بیاورد ☕");
  await reza.say(friends, "من نان تازه می‌آورم.");
  const react = (person, message, emoji) =>
    person.ask("PUT", `/v1/rooms/${friends.id}/messages/${message.id}/reactions/${encodeURIComponent(emoji)}`);
  for (const person of [sara, mina, nika]) await react(person, shown, "😍");
  for (const person of [sara, reza]) await react(person, first, "👍");
  await react(sara, plan, "✅");
  for (const person of [sara]) await person.ask("PUT", `/v1/rooms/${friends.id}/read`, { number: 7 });
  await mina.say(friends, "Perfect. See you all tomorrow!");
  await reza.say(tea, "راستی، کسی نسخه‌ی چاپی دارد؟");
  await nika.say(team, "@sara نظرت درباره‌ی رنگ‌ها چیست؟");
  return { sara, ali, mina, reza, nika, friends, direct, team, tea, rust };
}
