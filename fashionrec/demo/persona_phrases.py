"""Phrases that tell of made-up people. {p} is she or he, {s} her or his, {o} her or him."""

from __future__ import annotations

LIVES: dict[str, tuple[str, ...]] = {
    "18-24": (
        "shares a noisy flat with three friends", "has just left home for the first time",
        "spends half of every week on trains", "sleeps late and dances later", "is still finding out what suits {o}",
        "knows every second-hand shop by name", "plays bass in a band nobody has heard of",
        "lives out of one suitcase", "photographs strangers with good coats", "skates to almost everywhere",
        "swaps clothes with two cousins", "is saving for a long journey",
    ),
    "25-34": (
        "cycles everywhere in all weathers", "dances most weekends", "moved for love and stayed for the bakery",
        "rents a bright flat under the roof", "climbs walls on weekday evenings", "hosts long dinners on Fridays",
        "has settled into a first real home", "runs along the river before breakfast", "adopted a very old greyhound",
        "learns a new language every winter", "goes to more weddings than {p} can count", "plays five-a-side football",
    ),
    "35-44": (
        "juggles two children and a full calendar", "runs a tight household", "travels for work each month",
        "renovates an old house room by room", "coaches a school team on Saturdays", "sings in a choir again",
        "plans every week on paper", "cooks for a table of six", "took up open-water swimming",
        "is always the one who drives", "keeps bees behind the garage", "shares the school run with neighbours",
    ),
    "45-54": (
        "knows exactly what fits by now", "took up hiking again", "has two teenagers and no free hooks in the hall",
        "leads a small team with a dry humour", "restores old radios at weekends", "started sailing last summer",
        "reads crime novels on every journey", "has finally cleared out the attic", "bakes bread for half the street",
        "goes to jazz nights on Tuesdays", "trains for a half marathon", "keeps an orderly wardrobe",
    ),
    "55-64": (
        "has more time for the theatre these days", "is planning a long journey", "tends a garden that people talk of",
        "became a grandparent in spring", "plays cards every Thursday", "walks the coast path in stages",
        "volunteers at the library", "paints small watercolours", "keeps an allotment with an old friend",
        "learned to tango last year", "mends what others throw away", "collects old cookery books",
    ),
    "65+": (
        "keeps good clothes for decades", "walks the dog before breakfast", "minds the grandchildren on Fridays",
        "plays chess in the park", "never misses a market day", "swims every morning in the public pool",
        "writes letters by hand", "keeps the minutes of the local choir", "still rides a green bicycle",
        "has lived in the same street for forty years", "takes the early bus into town", "grows prize dahlias",
    ),
}  # fmt: skip
PLACES: dict[str, tuple[str, ...]] = {
    "northern city": ("in a northern city", "up in a rainy northern city", "in a brick town of the north",
                      "in a windy city in the north"),
    "southern coast": ("on the southern coast", "by the sea in the south", "in a harbour on the southern coast",
                       "two streets from a southern beach"),
    "capital": ("in the capital", "in the middle of the capital", "at the edge of the capital",
                "in a loud quarter of the capital"),
    "small town": ("in a small town", "in a small town with one good cafe", "in a small town by a river",
                   "in a small town where everyone waves"),
    "countryside": ("in the countryside", "on an old farm in the countryside", "deep in the countryside",
                    "in a village in the countryside"),
}  # fmt: skip
WORK: dict[str, tuple[str, ...]] = {
    "student": ("studies history", "studies engineering", "is a student of design", "studies biology",
                "is writing a thesis", "studies law", "is a student with a bar job", "studies music"),
    "part-time student": ("takes courses at the university", "is a part-time student of art history",
                          "studies part-time for pleasure", "attends evening lectures"),
    "office worker": ("works in an office", "keeps the books of a shipping firm", "answers mail for an insurer",
                      "works at a town hall desk", "plans timetables for the trams", "writes contracts all day",
                      "runs the front office of a school", "manages orders for a wholesaler"),
    "tradesperson": ("works as an electrician", "lays floors for a living", "repairs bicycles",
                     "runs a joinery", "fits kitchens", "works as a plumber", "bakes for three hotels",
                     "paints houses"),
    "creative": ("draws for magazines", "makes ceramics", "edits films", "writes songs for other people",
                 "builds stage sets", "designs book covers", "takes portraits", "teaches dance"),
    "health worker": ("works as a nurse", "drives an ambulance", "works night shifts at a hospital",
                      "is a physiotherapist", "works in a pharmacy", "looks after people in a care home",
                      "is a midwife", "assists at a dental practice"),
    "retired": ("is retired", "retired from teaching", "has left the office for good", "enjoys being retired",
                "retired from the railway", "is happily retired"),
    "between jobs": ("is between jobs", "is looking for new work", "is taking a year off between jobs",
                     "helps friends while between jobs"),
}  # fmt: skip
STYLE_WAYS: dict[str, tuple[str, ...]] = {
    "casual": ("dresses in a casual way", "keeps things casual", "likes clothes that ask no questions",
               "wears whatever is comfortable and clean", "is at home in easy casual clothes"),
    "formal": ("dresses formally even on Mondays", "feels best in formal clothes", "likes a sharp formal line",
               "irons everything", "is rarely seen without a pressed collar"),
    "sporty": ("dresses as if a run might start any minute", "keeps to a sporty look", "wants clothes that move",
               "lives in sporty things", "is always dressed for the gym or the stairs"),
    "boho": ("has a boho heart", "mixes loose boho shapes", "dresses like a long summer", "likes flowing boho things",
             "wears colours of earth and flowers"),
    "streetwear": ("lives in streetwear", "follows every drop of the streetwear shops", "dresses for the street",
                   "wears streetwear to every occasion", "likes it wide, loud and street"),
    "classic": ("trusts the classic cut", "dresses in a classic way", "buys classic pieces and keeps them",
                "believes in clothes that never date", "has a classic eye"),
    "minimal": ("keeps a minimal wardrobe", "wants clean lines and nothing else", "dresses in a minimal way",
                "owns little and wears it often", "likes quiet minimal pieces"),
    "romantic": ("has a romantic streak", "dresses in a romantic way", "likes soft romantic shapes",
                 "wears things that could be in a novel", "loves a romantic detail"),
}  # fmt: skip
PURSE: dict[str, tuple[str, ...]] = {
    "low": ("waits for the sales and compares every price", "puts a strict ceiling on what a piece may cost",
            "buys second-hand first", "counts every coin before paying", "rarely pays the full price",
            "has little to spend and spends it with care", "swaps before buying", "looks at the price tag first"),
    "medium": ("pays a fair price for things that last", "would rather own three good pieces than ten poor ones",
               "plans one good purchase a month", "neither chases bargains nor luxury",
               "sets aside a sensible sum each season", "spends about as much as {s} friends",
               "checks the seams before the price", "returns anything that is not worth it"),
    "high": ("pays gladly for material and cut", "looks at the label before the price",
             "can afford the best and knows it", "has things altered by a tailor", "never asks what it costs",
             "orders the expensive version", "spends freely on what is well made", "buys few things, all of them dear"),
}  # fmt: skip
LIKE_FRAMES: tuple[str, ...] = (
    "reaches for {a} and {b}", "would live in {a} and {b}", "is happiest in {a}, ideally with {b}",
    "collects {a}", "cannot pass {a} or {b} without a look", "has a weakness for {a}", "swears by {a} and {b}",
    "always comes back to {a} and {b}", "buys {a} whenever {p} finds it", "builds every outfit around {a}",
    "packs {a} and {b} for any trip", "gets compliments for {a}", "thinks nothing beats {a} and {b}",
    "owns far too much of {a}", "dreams of {a} and {b}",
)  # fmt: skip
DISLIKE_FRAMES: tuple[str, ...] = (
    "will not wear {d}", "never wears {d}", "refuses {d}", "cannot stand {d}", "avoids {d}", "has no patience for {d}",
    "would rather freeze than wear {d}", "gave away everything with {d}", "walks straight past {d}",
    "sends back {d}", "turns down {d}", "finds {d} unbearable", "has sworn off {d}", "draws the line at {d}",
    "leaves {d} to other people", "wants nothing to do with {d}",
)  # fmt: skip
REASONS: tuple[str, ...] = (
    "", "", "", "for reasons of comfort", "after one bad purchase too many", "and says so to anyone who asks",
    "whatever the fashion says", "even as a gift", "and always has", "no matter who designed it", "on principle",
    "since a school uniform spoiled it", "because it never feels right", "and jokes about it", "not even for a party",
    "whatever the discount",
)  # fmt: skip
DETAILS: tuple[str, ...] = (
    "{P} still owns the coat {p} wore at twenty.", "{P} sews on buttons while listening to the radio.",
    "Friends ask {o} for advice before every party.", "{P} chooses tomorrow's outfit the night before.",
    "Nothing leaves the house unironed.", "{P} judges a shop by its mirrors.", "Big shops make {o} tired.",
    "{P} takes photographs of good window displays.", "Pockets matter more to {o} than anything else.",
    "{P} likes a parcel at the door better than a shopping street.", "Rain decides most of {s} choices.",
    "{P} reads every washing label.", "A good fit matters to {o} more than a name.",
    "{P} learned to knit from an aunt.", "{P} tries everything on twice.", "{P} shops alone and fast.",
    "Half of {s} wardrobe was inherited.", "{P} keeps receipts in a biscuit tin.",
    "{P} wears one thing until it falls apart.", "Colleagues copy what {p} wears.",
    "{P} hates changing rooms and loves free returns.", "{P} asks where things were made.",
    "{P} dresses quickly and never looks back.", "A sister picks half of {s} clothes.",
    "{P} remembers what everybody wore.", "The weather report is {s} style guide.",
    "{P} gives one old thing away for every new one.", "{P} trusts {s} own eye.",
    "Sunday lunch is {s} catwalk.", "{P} notices shoes first.",
)  # fmt: skip
OPENINGS: tuple[str, ...] = (
    "{first} {life} {place} and {work}.", "{first} {work} {place} and {life}.",
    "Living {place}, {first} {work} and {life}.", "{first}, who {work}, {life} {place}.",
    "{first} {life}; {p} {work} {place}.", "At {age}, {first} {work} {place} and {life}.",
    "{first} lives {place}, {work} and {life}.", "{first} {work} and {life} {place}.",
)  # fmt: skip
MIDDLES: tuple[str, ...] = (
    "{P} {way}, {like}, and {purse}.", "{P} {way} and {like}; {p} {purse}.", "{P} {way} and {like}.",
    "{P} {like}, {purse} and {way}.", "{P} {way}: {p} {like}.", "{P} {like} and {purse}.",
    "In the shops {p} {like}, and {p} {purse}.", "{P} {purse}, {way} and {like}.",
)  # fmt: skip
ENDINGS: tuple[str, ...] = (
    "{P} {dislike}{reason}.", "{first} {dislike}{reason}.", "But {p} {dislike}{reason}.",
    "What is certain: {p} {dislike}{reason}.", "{P} {purse} and {dislike}{reason}.",
    "Ask {first} and you will hear that {p} {dislike}{reason}.",
)  # fmt: skip
