"""Ordinary texts in many languages and notations, written for these tests."""

import base64
import hashlib
import json
from typing import Final

_PROSE: Final = {
    "english": (
        "The ferry was late again, and the people on the quay had stopped looking at their watches."
        " A boy counted gulls; his sister read the timetable aloud, as if that could help. When the"
        " boat finally came around the lighthouse, nobody cheered, but everyone stood up at once."
    ),
    "german": (
        "Die Fähre hatte wieder Verspätung, und die Leute am Kai schauten schon lange nicht mehr"
        " auf ihre Uhren. Ein Junge zählte Möwen, seine Schwester las den Fahrplan vor, als könnte"
        " das die Überfahrt beschleunigen."
    ),
    "french": (
        "Le bac était encore en retard, et les gens sur le quai ne regardaient plus leur montre"
        " depuis longtemps. Un garçon comptait les mouettes ; sa sœur lisait l'horaire à haute"
        " voix, comme si cela pouvait servir à quelque chose."
    ),
    "spanish": (
        "El transbordador llegaba tarde otra vez y la gente del muelle ya no miraba el reloj. Un"
        " niño contaba gaviotas; su hermana leía el horario en voz alta, como si eso pudiera"
        " ayudar. ¿Quién sabe cuándo volverá mañana?"
    ),
    "portuguese": (
        "A balsa estava atrasada outra vez e as pessoas no cais já não olhavam para os relógios. Um"
        " menino contava gaivotas; a irmã lia o horário em voz alta, como se isso pudesse ajudar a"
        " viagem."
    ),
    "italian": (
        "Il traghetto era di nuovo in ritardo e la gente sul molo aveva smesso da un pezzo di"
        " guardare l'orologio. Un bambino contava i gabbiani, sua sorella leggeva l'orario ad alta"
        " voce."
    ),
    "polish": (
        "Prom znowu się spóźniał, a ludzie na nabrzeżu dawno przestali patrzeć na zegarki. Chłopiec"
        " liczył mewy, a jego siostra czytała na głos rozkład jazdy, jakby to mogło cokolwiek"
        " przyspieszyć."
    ),
    "turkish": (
        "Vapur yine gecikmişti ve iskeledeki insanlar çoktan saatlerine bakmayı bırakmıştı. Bir"
        " çocuk martıları sayıyor, kız kardeşi ise sanki işe yarayacakmış gibi tarifeyi yüksek"
        " sesle okuyordu."
    ),
    "vietnamese": (
        "Chuyến phà lại đến muộn, và những người trên bến tàu đã thôi nhìn đồng hồ từ lâu. Một cậu"
        " bé đếm chim hải âu, còn chị của cậu đọc to lịch trình, như thể điều đó có thể giúp"
        " được gì."
    ),
    "indonesian": (
        "Feri itu terlambat lagi, dan orang-orang di dermaga sudah lama berhenti melihat jam tangan"
        " mereka. Seorang anak laki-laki menghitung burung camar, kakaknya membaca jadwal dengan"
        " suara keras."
    ),
    "finnish": (
        "Lautta oli taas myöhässä, eivätkä laiturilla odottavat ihmiset enää katsoneet kellojaan."
        " Poika laski lokkeja, ja hänen sisarensa luki aikataulua ääneen, aivan kuin siitä olisi"
        " ollut apua."
    ),
    "russian": (
        "Паром опять опаздывал, и люди на причале давно перестали смотреть на часы. Мальчик считал"
        " чаек, а его сестра читала вслух расписание, как будто это могло помочь. Когда судно"
        " наконец показалось, все встали."
    ),
    "ukrainian": (
        "Пором знову запізнювався, і люди на причалі вже давно перестали дивитися на годинники."
        " Хлопчик рахував чайок, а його сестра читала вголос розклад, ніби це могло допомогти."
    ),
    "greek": (
        "Το πλοίο είχε πάλι καθυστέρηση και ο κόσμος στην προβλήτα είχε σταματήσει από ώρα να"
        " κοιτάζει το ρολόι. Ένα αγόρι μετρούσε γλάρους και η αδελφή του διάβαζε δυνατά το"
        " δρομολόγιο."
    ),
    "hebrew": (
        "המעבורת שוב איחרה, והאנשים על הרציף כבר הפסיקו מזמן להסתכל בשעון. ילד אחד ספר שחפים,"
        " ואחותו קראה בקול את לוח הזמנים, כאילו זה יכול לעזור למישהו."
    ),
    "arabic": (
        "تأخرت العبّارة مرة أخرى، وكان الناس على الرصيف قد توقفوا منذ وقت طويل عن النظر إلى"
        " ساعاتهم. كان صبي يعد النوارس، وكانت أخته تقرأ جدول المواعيد بصوت عال كأن ذلك قد يساعد."
    ),
    "persian": (
        "کشتی دوباره دیر کرده بود و مردم روی اسکله مدت‌ها بود که دیگر به ساعت‌هایشان نگاه"
        " نمی‌کردند. پسری مرغ‌های دریایی را می‌شمرد و خواهرش برنامه را بلند می‌خواند."
    ),
    "hindi": (
        "नाव फिर देर से आ रही थी और घाट पर खड़े लोगों ने अपनी घड़ियाँ देखना कब का छोड़ दिया था। एक"
        " लड़का पक्षियों को गिन रहा था और उसकी बहन समय सारणी ज़ोर से पढ़ रही थी।"
    ),
    "bengali": (
        "ফেরিটি আবার দেরি করেছিল, আর ঘাটের মানুষ অনেক আগেই ঘড়ি দেখা বন্ধ করে দিয়েছিল। একটি ছেলে"
        " গাঙচিল গুনছিল, তার বোন জোরে জোরে সময়সূচি পড়ছিল।"
    ),
    "tamil": (
        "படகு மீண்டும் தாமதமாக வந்தது, துறையில் இருந்த மக்கள் கடிகாரத்தைப் பார்ப்பதை"
        " நிறுத்திவிட்டார்கள். ஒரு சிறுவன் பறவைகளை எண்ணினான், அவன் சகோதரி நேர அட்டவணையை உரக்கப்"
        " படித்தாள்."
    ),
    "thai": (
        "เรือข้ามฟากมาช้าอีกแล้ว และผู้คนบนท่าเรือก็เลิกมองนาฬิกากันไปนานแล้ว"
        " เด็กชายคนหนึ่งนับนกนางนวล พี่สาวของเขาอ่านตารางเวลาเสียงดัง ราวกับว่ามันจะช่วยอะไรได้"
    ),
    "chinese": (
        "渡轮又晚点了，码头上的人早就不再看手表。一个男孩在数海鸥，他的姐姐大声念着时刻表，"
        "好像这样会有帮助似的。"
        "船终于绕过灯塔的时候，没有人欢呼，但是所有人都同时站了起来。"
    ),
    "japanese": (
        "フェリーはまた遅れていて、桟橋の人々はとっくに時計を見るのをやめていた。"
        "男の子はカモメを数え、姉は"
        "まるで役に立つかのように時刻表を声に出して読んでいた。船がようやく灯台を回ってきたとき、"
        "みんなが一斉に立ち上がった。"
    ),
    "korean": (
        "여객선은 또 늦었고, 부두에 있던 사람들은 이미 오래전에 시계를 보지 않게 되었다. 한 소년은"
        " 갈매기를 세었고, "
        "누나는 도움이 되기라도 하는 듯 시간표를 소리 내어 읽었다."
    ),
}
_PYTHON: Final = '''class Timetable:
    """Departures of one quay, in order."""

    def __init__(self, departures: Iterable[time]) -> None:
        self._departures = sorted(departures)

    def next_after(self, moment: time) -> time | None:
        for departure in self._departures:
            if departure > moment:
                return departure
        return None
'''
_TYPESCRIPT: Final = """export async function fetchTimetable(quay: string, { retries = 3 }: Options = {}): Promise<Departure[]> {
  const response = await fetch(`${BASE_URL}/quays/${encodeURIComponent(quay)}?limit=50`);
  if (!response.ok && retries > 0) return fetchTimetable(quay, { retries: retries - 1 });
  return (await response.json()).departures.map((d: RawDeparture) => ({ ...d, at: new Date(d.at) }));
}
"""  # noqa: E501
_HTML: Final = """<section class="timetable" id="quay-4"><h2>Departures</h2><ul><li><a href="/boats/17">Lighthouse line</a> 14:35</li>
<li><a href="/boats/18">Harbour tour</a> 15:10 <em>delayed</em></li></ul></section>
"""  # noqa: E501
_MARKDOWN: Final = """## Departures

| Line | Time | State |
|---|---|---|
| Lighthouse | 14:35 | **delayed** |

1. Buy a ticket at the *blue* kiosk.
2. Wait behind the yellow line; see [the rules](https://example.org/rules).
"""
_LOG: Final = "".join(
    f"2026-11-{day:02}T14:35:{day:02}.{day * 37:03}Z INFO quay[{1000 + day}]: boat=lighthouse-{day}"
    f' delay_ms={day * 977} msg="departed"\n'
    for day in range(1, 10)
)
_CSV: Final = "id,quay,passengers,fare\n" + "".join(
    f"{i},north-{i % 7},{i * 13 % 401},{i * 7.35:.2f}\n" for i in range(30)
)
_JSON: Final = json.dumps(
    [
        {
            "id": f"boat_{i}",
            "name": f"Gull {i}",
            "active": i % 3 == 0,
            "position": {"lat": 54.1 + i / 100, "lon": 10.2},
        }
        for i in range(12)
    ]
)
_BYTES: Final = b"".join(hashlib.sha256(bytes([i])).digest() for i in range(24))

SAMPLES: Final[dict[str, str]] = {
    **_PROSE,
    "python": _PYTHON,
    "typescript": _TYPESCRIPT,
    "html": _HTML,
    "markdown": _MARKDOWN,
    "log": _LOG,
    "csv": _CSV,
    "json": _JSON,
    "json_indented": json.dumps(json.loads(_JSON), indent=2),
    "base64": base64.b64encode(_BYTES).decode(),
    "hex": _BYTES.hex(),
    "emoji": "Great trip! 🚢🌊 The kids loved it 😍👍 see you on Sunday 🎉🙌",
}
