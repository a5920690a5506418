"""Numbers with check digits, made from their definitions: independent of the detectors' own code."""
import datetime
import string

LETTERS = string.ascii_uppercase


def digits(rng, count) -> str:
    return "".join(rng.choice(string.digits) for _ in range(count))


def luhn_digit(text) -> str:
    total = 0
    for place, char in enumerate(reversed(text)):
        number = int(char) * (2 if place % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return str(-total % 10)


def day(rng, first=1940, last=2006) -> datetime.date:
    return datetime.date(first, 1, 1) + datetime.timedelta(days=rng.randrange((last - first) * 365))


def weighted(text, weights) -> int:
    return sum(int(c) * w for c, w in zip(text, weights))


def card(rng) -> str:
    head, size = rng.choice([("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("37", 15), ("6011", 16), ("34", 15)])
    body = head + digits(rng, size - 1 - len(head))
    number = body + luhn_digit(body)
    if size == 16 and rng.random() < 0.3:
        return rng.choice(" -").join(number[i:i + 4] for i in range(0, 16, 4))
    return number


IBANS = {"DE": "n18", "FR": "n10c11n2", "GB": "a4n14", "ES": "n20", "IT": "a1n10c12", "NL": "a4n10", "PL": "n24", "SE": "n20", "CH": "n5c12", "AT": "n16", "BE": "n12", "PT": "n21", "NO": "n11", "DK": "n14", "FI": "n14"}


def iban(rng) -> str:
    country = rng.choice(list(IBANS))
    form, body, at = IBANS[country], "", 0
    while at < len(form):
        kind, end = form[at], at + 1
        while end < len(form) and form[end].isdigit():
            end += 1
        pool = {"n": string.digits, "a": LETTERS, "c": string.digits + LETTERS}[kind]
        body += "".join(rng.choice(pool) for _ in range(int(form[at + 1:end])))
        at = end
    number = int("".join(str(int(c, 36)) for c in body + country + "00"))
    text = f"{country}{98 - number % 97:02d}{body}"
    return " ".join(text[i:i + 4] for i in range(0, len(text), 4)) if rng.random() < 0.3 else text


def ssn(rng) -> str:
    area = rng.choice([n for n in range(1, 900) if n != 666])
    return f"{area:03d}-{rng.randrange(1, 100):02d}-{rng.randrange(1, 10000):04d}"


def nhs(rng) -> str:
    while True:
        body = digits(rng, 9)
        check = 11 - weighted(body, range(10, 1, -1)) % 11
        if check != 10:
            text = body + str(0 if check == 11 else check)
            return f"{text[:3]} {text[3:6]} {text[6:]}"


def nino(rng) -> str:
    while True:
        head = rng.choice("ABCEGHJKLMNOPRSTWXYZ") + rng.choice("ABCEGHJKLMNPRSTWXYZ")
        if head not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"} and not set(head) & set("DFIQUV"):
            return f"{head}{digits(rng, 6)}{rng.choice('ABCD')}"


def sin(rng) -> str:
    body = rng.choice("1234567") + digits(rng, 7)
    text = body + luhn_digit(body)
    return f"{text[:3]} {text[3:6]} {text[6:]}" if rng.random() < 0.5 else text


def tfn(rng) -> str:
    while True:
        text = digits(rng, 9)
        if weighted(text, [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 == 0:
            return f"{text[:3]} {text[3:6]} {text[6:]}" if rng.random() < 0.5 else text


def medicare(rng) -> str:
    body = rng.choice("23456") + digits(rng, 7)
    return body + str(weighted(body, [1, 3, 7, 9, 1, 3, 7, 9]) % 10) + rng.choice("123456789")


def cpf(rng) -> str:
    text = digits(rng, 9)
    for size in (9, 10):
        text += str(weighted(text, range(size + 1, 1, -1)) * 10 % 11 % 10)
    return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}" if rng.random() < 0.6 else text


def nir(rng) -> str:
    body = f"{rng.choice('12')}{rng.randrange(40, 100):02d}{rng.randrange(1, 13):02d}{rng.randrange(1, 96):02d}{rng.randrange(1, 999):03d}{rng.randrange(1, 999):03d}"
    if body[5:7] == "20":
        body = body[:5] + "21" + body[7:]
    return body + f"{97 - int(body) % 97:02d}"


def german_tax(rng) -> str:
    while True:
        pool = list(string.digits)
        rng.shuffle(pool)
        body = pool[:9]
        body.insert(rng.randrange(1, 10), rng.choice(body))
        if body[0] == "0":
            continue
        product = 10
        for char in body:
            total = (int(char) + product) % 10 or 10
            product = total * 2 % 11
        return "".join(body) + str((11 - product) % 10)


def dni(rng) -> str:
    if rng.random() < 0.2:
        head = rng.choice("XYZ")
        body = digits(rng, 7)
        return head + body + "TRWAGMYFPDXBNJZSQVHLCKE"[int(str("XYZ".index(head)) + body) % 23]
    body = digits(rng, 8)
    return body + "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23]


ODD = dict(zip(string.digits + LETTERS, [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]))


def fiscal_code(rng) -> str:
    consonants = "BCDFGLMNPRSTVZ"
    born = day(rng)
    body = "".join(rng.choice(consonants) for _ in range(6)) + f"{born.year % 100:02d}" + "ABCDEHLMPRST"[born.month - 1]
    body += f"{born.day + rng.choice([0, 40]):02d}" + rng.choice("ABCDEFGHIL") + digits(rng, 3)
    total = sum(ODD[c] if i % 2 == 0 else int(c) if c.isdigit() else LETTERS.index(c) for i, c in enumerate(body))
    return body + LETTERS[total % 26]


def bsn(rng) -> str:
    while True:
        text = rng.choice("123456789") + digits(rng, 8)
        if (weighted(text[:8], range(9, 1, -1)) - int(text[8])) % 11 == 0:
            return text


def pesel(rng) -> str:
    born = day(rng)
    body = f"{born.year % 100:02d}{born.month + (20 if born.year >= 2000 else 0):02d}{born.day:02d}{digits(rng, 4)}"
    return body + str(-weighted(body, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)


def personnummer(rng) -> str:
    born = day(rng)
    body = born.strftime("%y%m%d") + digits(rng, 3)
    check = luhn_digit(body)
    return f"{born:%Y%m%d}{body[6:]}{check}" if rng.random() < 0.4 else f"{body[:6]}-{body[6:]}{check}"


def hetu(rng) -> str:
    born = day(rng)
    serial = f"{rng.randrange(2, 900):03d}"
    sign = "A" if born.year >= 2000 else "-"
    return f"{born:%d%m%y}{sign}{serial}" + "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(f"{born:%d%m%y}{serial}") % 31]


def norway(rng) -> str:
    while True:
        body = f"{day(rng):%d%m%y}{digits(rng, 3)}"
        first = -weighted(body, [3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11
        second = -weighted(body + str(first), [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11
        if first < 10 and second < 10:
            return f"{body}{first}{second}"


def cpr(rng) -> str:
    return f"{day(rng):%d%m%y}-{digits(rng, 4)}"


def belgium(rng) -> str:
    born = day(rng, 1940, 1999)
    body = f"{born:%y%m%d}{rng.randrange(1, 998):03d}"
    text = f"{body}{97 - int(body) % 97:02d}"
    return f"{text[:2]}.{text[2:4]}.{text[4:6]}-{text[6:9]}.{text[9:]}" if rng.random() < 0.5 else text


D = ["0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104", "9876543210"]
P = ["0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"]


def aadhaar(rng) -> str:
    body = rng.choice("23456789") + digits(rng, 10)
    for check in string.digits:
        state = 0
        for place, char in enumerate(reversed(body + check)):
            state = int(D[state][int(P[place % 8][int(char)])])
        if state == 0:
            text = body + check
            return f"{text[:4]} {text[4:8]} {text[8:]}" if rng.random() < 0.5 else text
    raise AssertionError("one digit always fits")


def pan_india(rng) -> str:
    return "".join(rng.choice(LETTERS) for _ in range(3)) + rng.choice("PCHF") + rng.choice(LETTERS) + digits(rng, 4) + rng.choice(LETTERS)


def china(rng) -> str:
    body = rng.choice(["110105", "310104", "440106", "330102", "510107"]) + f"{day(rng):%Y%m%d}" + digits(rng, 3)
    return body + "10X98765432"[weighted(body, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11]


def korea(rng) -> str:
    born = day(rng)
    body = f"{born:%y%m%d}{rng.choice('34' if born.year >= 2000 else '12')}{digits(rng, 5)}"
    return f"{body[:6]}-{body[6:]}{(11 - weighted(body, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11) % 10}"


def my_number(rng) -> str:
    body = digits(rng, 11)
    rest = sum(int(body[11 - n]) * (n + 1 if n <= 6 else n - 5) for n in range(1, 12)) % 11
    return body + str(0 if rest <= 1 else 11 - rest)


def turkey(rng) -> str:
    body = rng.choice("123456789") + digits(rng, 8)
    odd, even = sum(map(int, body[0::2])), sum(map(int, body[1::2]))
    tenth = (odd * 7 - even) % 10
    return f"{body}{tenth}{(odd + even + tenth) % 10}"


def nif(rng) -> str:
    body = rng.choice("12") + digits(rng, 7)
    rest = weighted(body, range(9, 1, -1)) % 11
    return body + str(0 if rest < 2 else 11 - rest)


def rut(rng) -> str:
    body = str(rng.randrange(5_000_000, 25_000_000))
    check = 11 - sum(int(c) * (2 + i % 6) for i, c in enumerate(reversed(body))) % 11
    text = f"{int(body):,}".replace(",", ".") if rng.random() < 0.5 else body
    return f"{text}-{'0' if check == 11 else 'K' if check == 10 else check}"


def south_africa(rng) -> str:
    body = f"{day(rng):%y%m%d}{digits(rng, 4)}{rng.choice('01')}8"
    return body + luhn_digit(body)


def israel(rng) -> str:
    body = rng.choice("0123") + digits(rng, 7)
    return body + luhn_digit(body)


def nric(rng) -> str:
    kind, body = rng.choice("STFG"), digits(rng, 7)
    total = weighted(body, [2, 7, 6, 5, 4, 3, 2]) + (4 if kind in "TG" else 0)
    return kind + body + ("JZIHGFEDCBA" if kind in "ST" else "XWUTRQPNMLK")[total % 11]


def curp(rng) -> str:
    order = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    consonants = "BCDFGHJKLMNPQRSTVWXYZ"
    body = rng.choice(consonants) + rng.choice("AEIOU") + rng.choice(consonants) + rng.choice(consonants) + f"{day(rng, 1940, 1999):%y%m%d}" + rng.choice("HM")
    body += rng.choice(["DF", "JC", "NL", "VZ", "OC"]) + "".join(rng.choice(consonants) for _ in range(3)) + rng.choice(string.digits)
    return body + str(-sum(order.index(c) * (18 - i) for i, c in enumerate(body)) % 10)


def imei(rng) -> str:
    body = rng.choice(["35", "86", "01"]) + digits(rng, 12)
    return body + luhn_digit(body)


def iccid(rng) -> str:
    body = "89" + digits(rng, 16)
    return body + luhn_digit(body)


def vin(rng) -> str:
    letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
    values = dict(zip(letters, "12345678123457923456789"))
    text = "".join(rng.choice(letters + string.digits) for _ in range(11)) + digits(rng, 6)
    total = sum(int(values.get(c, c)) * w for c, w in zip(text[:8] + "0" + text[9:], [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]))
    return text[:8] + ("X" if total % 11 == 10 else str(total % 11)) + text[9:]
