"""Columns with labels, all synthetic: kinds x locales x noise x names, with look-alikes, in two parts that share no locale, no column
name and no seed.  The part "tune" is for making the detectors better, "held" is only ever measured.

usage: corpus.py tune|held COLUMNS_A_KIND OUTPUT.jsonl
"""
import base64
import hashlib
import json
import random
import string
import sys
import uuid

from faker import Faker

import numbers_made as made

VALUES = 60
LOCALES = {
    "tune": ["en_US", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL", "nl_NL", "en_GB", "zh_CN", "ru_RU", "pt_BR"],
    "held": ["en_US", "en_AU", "en_IN", "de_AT", "fr_CA", "es_MX", "pt_PT", "sv_SE", "no_NO", "da_DK", "fi_FI", "cs_CZ", "tr_TR", "ro_RO", "hu_HU", "uk_UA", "ja_JP", "ko_KR"],
}
NEUTRAL = {"tune": ["c1", "value", "field_3", "data", "attr", "col_b", "v"], "held": ["x", "f07", "val", "column4", "info", "misc", "payload_field"]}


def hexes(rng, size) -> str:
    return "".join(rng.choice("0123456789abcdef") for _ in range(size))


def word(rng, size, pool=string.ascii_letters + string.digits) -> str:
    return "".join(rng.choice(pool) for _ in range(size))


def token(rng, _) -> str:
    return rng.choice(TOKENS)(rng)


TOKENS = [
    lambda r: "ghp_" + word(r, 36), lambda r: "sk_live_" + word(r, 24), lambda r: "xoxb-" + made.digits(r, 12) + "-" + word(r, 24),
    lambda r: "AKIA" + word(r, 16, string.ascii_uppercase + "234567"), lambda r: "glpat-" + word(r, 20), lambda r: "AIza" + word(r, 35),
    lambda r: "SG." + word(r, 22) + "." + word(r, 43), lambda r: "npm_" + word(r, 36), lambda r: "hf_" + word(r, 34, string.ascii_letters),
    lambda r: "acme_" + word(r, 32),
]


def one_token(rng) -> object:
    kind = rng.choice(TOKENS)
    return lambda r, f: kind(r)


def secret(rng, _) -> str:
    return rng.choice([word(rng, 32), hexes(rng, 40), base64.urlsafe_b64encode(rng.randbytes(24)).decode()])


def jwt(rng, _) -> str:
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    return part({"alg": "HS256", "typ": "JWT"}) + "." + part({"sub": made.digits(rng, 9), "iat": rng.randrange(10**9)}) + "." + word(rng, 43)


def password_hash(rng, _) -> str:
    return rng.choice(["$2b$12$" + word(rng, 53), "$argon2id$v=19$m=65536,t=3,p=4$" + word(rng, 22) + "$" + word(rng, 43), "pbkdf2_sha256$260000$" + word(rng, 22) + "$" + word(rng, 43)])


def password(rng, faker) -> str:
    return rng.choice([faker.password(length=rng.randrange(8, 16)), rng.choice(["summer", "qwerty", "dragon", "monkey"]) + made.digits(rng, 3)])


def cookie(rng, _) -> str:
    return "; ".join(rng.sample([f"sid={hexes(rng, 32)}", f"_ga=GA1.2.{made.digits(rng, 9)}.{made.digits(rng, 10)}", "theme=dark", f"csrftoken={word(rng, 32)}", "lang=en", f"uid={made.digits(rng, 6)}"], 3))


def url_user(rng, faker) -> str:
    host = faker.domain_name()
    return rng.choice([
        f"https://{host}/reset?token={word(rng, 24)}", f"https://{host}/u?email={faker.user_name()}%40{host}", f"https://{host}/users/{faker.user_name()}{rng.randrange(99)}",
        f"https://{faker.user_name()}:{word(rng, 10)}@{host}/feed", f"https://www.{host}/profile/{faker.user_name()}-{rng.randrange(99)}",
    ])


def coordinates(rng, _) -> str:
    return f"{rng.uniform(-80, 80):.5f}{rng.choice([',', ', '])}{rng.uniform(-179, 179):.5f}"


def phone(rng, faker) -> str:
    return faker.phone_number()


def ip6(rng, faker) -> str:
    return faker.ipv6() if rng.random() < 0.7 else "2001:db8::" + hexes(rng, 4)


def birth(rng, faker) -> str:
    return faker.date_of_birth(minimum_age=18, maximum_age=90).isoformat()


def free_text(rng, faker) -> str:
    return " ".join(faker.words(rng.randrange(4, 14))) + rng.choice([".", "", "!"])


def text_with(what):
    def make(rng, faker):
        text = free_text(rng, faker)
        return f"{text} {what(rng, faker)} {' '.join(faker.words(3))}" if rng.random() < 0.25 else text
    return make


def by_part(**pools):
    return pools


def kind(label, names, make, lookalike=False, neutral=0.4, table=None, type_name="VARCHAR", near=()):
    return {"label": label, "names": names, "make": make, "neutral": neutral, "tables": table, "type": type_name, "near": near, "lookalike": lookalike}


def by_rng(function):
    return lambda rng, faker: function(rng)


def number_kind(label, tune, held, function, neutral=0.3):
    return kind(label, by_part(tune=tune, held=held), by_rng(function), neutral=neutral)


POSITIVE = [
    kind("EMAIL_ADDRESS", by_part(tune=["email", "user_email", "contactEmail"], held=["e_mail", "EmailAddr", "owner_mail", "mail_to"]), lambda r, f: f.email()),
    kind("PHONE_NUMBER", by_part(tune=["phone", "mobile_phone", "tel"], held=["phone_number", "contactPhone", "cell", "telephone1"]), phone, neutral=0.2),
    kind("PERSON_NAME", by_part(tune=["full_name", "customer_name", "contact"], held=["person_name", "cust_full_name", "holder_name", "name_of_patient"]), lambda r, f: f.name(), neutral=0.3),
    kind("PERSON_NAME", by_part(tune=["first_name", "fname"], held=["given_name", "firstName"]), lambda r, f: f.first_name(), neutral=0),
    kind("PERSON_NAME", by_part(tune=["last_name", "surname"], held=["family_name", "lastName"]), lambda r, f: f.last_name(), neutral=0),
    kind("PERSON_NAME", by_part(tune=["name"], held=["name", "display_name"]), lambda r, f: f.name(), neutral=0, table=["users", "employees"], near=("email", "phone")),
    kind("STREET_ADDRESS", by_part(tune=["address", "street"], held=["street_address", "shipAddr", "home_address", "addr_line_1"]), lambda r, f: f.address().replace("\n", ", "), neutral=0.2),
    kind("STREET_ADDRESS", by_part(tune=["address_line1"], held=["street_name_and_number", "billing_street"]), lambda r, f: f.street_address(), neutral=0.2),
    kind("IP_ADDRESS", by_part(tune=["ip", "client_ip"], held=["remote_addr", "ip_address", "srcIp", "last_login_ip"]), lambda r, f: f.ipv4(), neutral=0.5),
    kind("IP_ADDRESS", by_part(tune=["ipv6"], held=["ip6", "peer_ip"]), ip6, neutral=0.5),
    kind("MAC_ADDRESS", by_part(tune=["mac"], held=["mac_addr", "device_mac"]), lambda r, f: r.choice([str.lower, str.upper])(f.mac_address()), neutral=0.5),
    kind("CREDIT_CARD_NUMBER", by_part(tune=["card_number"], held=["cc_num", "credit_card", "cardNo"]), by_rng(made.card), neutral=0.5),
    kind("IBAN_CODE", by_part(tune=["iban"], held=["bank_iban", "payout_account_iban"]), by_rng(made.iban), neutral=0.5),
    number_kind("US_SOCIAL_SECURITY_NUMBER", ["ssn"], ["social_security_no", "emp_ssn"], made.ssn),
    number_kind("UK_NATIONAL_HEALTH_SERVICE_NUMBER", ["nhs_number"], ["patient_nhs_no"], made.nhs),
    number_kind("UK_NATIONAL_INSURANCE_NUMBER", ["nino"], ["national_insurance_no"], made.nino),
    number_kind("CANADA_SOCIAL_INSURANCE_NUMBER", ["sin"], ["social_insurance_number"], made.sin),
    number_kind("AUSTRALIA_TAX_FILE_NUMBER", ["tfn"], ["tax_file_number"], made.tfn),
    number_kind("AUSTRALIA_MEDICARE_NUMBER", ["medicare"], ["medicare_card"], made.medicare),
    number_kind("BRAZIL_CPF_NUMBER", ["cpf"], ["cpf_cliente"], made.cpf),
    number_kind("FRANCE_NIR", ["nir"], ["num_securite_sociale"], made.nir),
    number_kind("GERMANY_TAXPAYER_IDENTIFICATION_NUMBER", ["steuer_id"], ["steuerId", "idnr"], made.german_tax),
    number_kind("SPAIN_DNI_NUMBER", ["dni"], ["nif_nie", "documento_dni"], made.dni),
    number_kind("ITALY_FISCAL_CODE", ["codice_fiscale"], ["fiscal_code"], made.fiscal_code),
    number_kind("NETHERLANDS_BSN_NUMBER", ["bsn"], ["bsn_nummer", "burgerservicenummer"], made.bsn, neutral=0.2),
    number_kind("POLAND_PESEL_NUMBER", ["pesel"], ["nr_pesel"], made.pesel),
    number_kind("SWEDEN_NATIONAL_ID_NUMBER", ["personnummer"], ["person_nummer"], made.personnummer),
    number_kind("FINLAND_NATIONAL_ID_NUMBER", ["hetu"], ["henkilotunnus"], made.hetu),
    number_kind("NORWAY_NI_NUMBER", ["fodselsnummer"], ["fnr"], made.norway),
    number_kind("DENMARK_CPR_NUMBER", ["cpr"], ["cpr_nr"], made.cpr),
    number_kind("BELGIUM_NATIONAL_ID_NUMBER", ["rijksregisternummer"], ["insz"], made.belgium),
    number_kind("INDIA_AADHAAR_INDIVIDUAL", ["aadhaar"], ["aadhaar_no"], made.aadhaar),
    number_kind("INDIA_PAN_INDIVIDUAL", ["pan_card"], ["pan_number"], made.pan_india),
    number_kind("CHINA_RESIDENT_ID_NUMBER", ["id_card"], ["resident_id"], made.china),
    number_kind("KOREA_RRN", ["rrn"], ["resident_registration_no"], made.korea),
    number_kind("JAPAN_INDIVIDUAL_NUMBER", ["my_number"], ["mynumber"], made.my_number, neutral=0.2),
    number_kind("TURKEY_ID_NUMBER", ["tckn"], ["tc_kimlik_no"], made.turkey),
    number_kind("PORTUGAL_NIF_NUMBER", ["contribuinte"], ["nif_contribuinte"], made.nif, neutral=0.2),
    number_kind("CHILE_CDI_NUMBER", ["rut"], ["rut_cliente"], made.rut),
    number_kind("SOUTH_AFRICA_ID_NUMBER", ["sa_id"], ["rsa_id_number"], made.south_africa),
    number_kind("ISRAEL_IDENTITY_CARD_NUMBER", ["teudat_zehut"], ["zehut"], made.israel, neutral=0),
    number_kind("SINGAPORE_NATIONAL_REGISTRATION_ID_NUMBER", ["nric"], ["nric_fin"], made.nric),
    number_kind("MEXICO_CURP_NUMBER", ["curp"], ["clave_curp"], made.curp),
    kind("DATE_OF_BIRTH", by_part(tune=["date_of_birth", "birthdate"], held=["dob", "birth_date", "born_on", "geburtsdatum"]), birth, neutral=0),
    kind("DATE_OF_BIRTH", by_part(tune=["dob"], held=["birthday"]), lambda r, f: f.date_of_birth(minimum_age=18).strftime("%d/%m/%Y"), neutral=0),
    kind("GENDER", by_part(tune=["gender"], held=["sex", "genderCode"]), lambda r, f: r.choice(["M", "F", "male", "female"]), neutral=0),
    kind("LOCATION_COORDINATES", by_part(tune=["coordinates"], held=["lat_lon", "gps_position"]), coordinates, neutral=0.5),
    kind("LOCATION_COORDINATES", by_part(tune=["latitude", "lon"], held=["lat", "longitude"]), lambda r, f: f"{r.uniform(-79, 79):.6f}", neutral=0, type_name="DOUBLE"),
    kind("URL_WITH_USER", by_part(tune=["profile_url"], held=["user_link", "referrer_url"]), url_user, neutral=0.5),
    kind("JSON_WEB_TOKEN", by_part(tune=["jwt"], held=["id_token", "bearer_jwt"]), jwt, neutral=0.5),
    kind("ENCRYPTION_KEY", by_part(tune=["private_key"], held=["ssh_private_key", "pem_data"]), lambda r, f: "-----BEGIN RSA " + "PRIVATE KEY-----\n" + word(r, 64) + "\n-----END RSA PRIVATE KEY-----", neutral=0.5),
    kind("AUTH_TOKEN", by_part(tune=["api_key", "token"], held=["access_token", "apiKey", "integration_secret"]), one_token, neutral=0.5),
    kind("AUTH_TOKEN", by_part(tune=["session_token"], held=["refresh_token", "client_secret"]), secret, neutral=0),
    kind("PASSWORD", by_part(tune=["password"], held=["passwd", "user_pwd"]), password, neutral=0),
    kind("PASSWORD_HASH", by_part(tune=["password_hash"], held=["encrypted_password", "pwd_hash"]), password_hash, neutral=0.5),
    kind("PASSWORD_HASH", by_part(tune=["password"], held=["passwd"]), lambda r, f: hexes(r, 64), neutral=0),
    kind("PSEUDONYM", by_part(tune=["email_hash"], held=["hashed_email", "phone_sha256"]), lambda r, f: hashlib.sha256(r.randbytes(8)).hexdigest(), neutral=0),
    kind("HTTP_COOKIE", by_part(tune=["cookie"], held=["request_cookies", "cookie_header"]), cookie, neutral=0.4),
    kind("HTTP_USER_AGENT", by_part(tune=["user_agent"], held=["ua_string", "userAgent", "browser_ua"]), lambda r, f: f.user_agent(), neutral=0.5),
    number_kind("IMEI_HARDWARE_ID", ["imei"], ["device_imei"], made.imei),
    number_kind("ICCID_NUMBER", ["iccid"], ["sim_iccid"], made.iccid),
    kind("IMSI_ID", by_part(tune=["imsi"], held=["subscriber_imsi"]), lambda r, f: r.choice(["310150", "262011", "234150"]) + made.digits(r, 9), neutral=0),
    kind("DEVICE_ID", by_part(tune=["device_id", "idfa"], held=["advertising_id", "gaid", "deviceUuid"]), lambda r, f: f.uuid4(), neutral=0),
    kind("DEVICE_ID", by_part(tune=["android_id"], held=["device_fingerprint"]), lambda r, f: hexes(r, 16), neutral=0),
    number_kind("VEHICLE_IDENTIFICATION_NUMBER", ["vin"], ["vehicle_vin"], made.vin),
    kind("PASSPORT", by_part(tune=["passport_number"], held=["passport_no", "travel_passport"]), lambda r, f: r.choice([made.digits(r, 9), word(r, 2, string.ascii_uppercase) + made.digits(r, 7)]), neutral=0),
    kind("EMAIL_ADDRESS", by_part(tune=["comment"], held=["remarks", "message_body"]), text_with(lambda r, f: f.email()), neutral=0.3),
    kind("IP_ADDRESS", by_part(tune=["log_line"], held=["error_message"]), text_with(lambda r, f: f"from {f.ipv4()} at"), neutral=0.3),
    kind("AUTH_TOKEN", by_part(tune=["log"], held=["raw_request"]), text_with(lambda r, f: "Authorization: Bearer " + word(r, 40)), neutral=0.3),
]


def version(rng, _) -> str:
    return ".".join(str(rng.randrange(30 if i else 12)) for i in range(4))


def order_number(rng, _) -> str:
    return rng.choice("45") + made.digits(rng, 15)


def slug(rng, faker) -> str:
    return "-".join(faker.words(3))


def sequence(start):
    return lambda rng, faker: str(start + rng.randrange(100000))


COLOURS = ["Red", "Amber", "Olive", "Jade", "Ruby", "Violet", "Ginger", "Stone", "Silver", "Rose"]
THINGS = ["Chair", "Table", "Lamp", "Shirt", "Bowl", "Ring", "Clock", "Rug", "Vase", "Mirror"]
PLACES = ["Paris", "Charlotte", "Austin", "Jackson", "Lincoln", "Madison", "Houston", "Berlin", "Lagos", "Florence", "Victoria", "Osaka", "Lyon", "Krakow", "Porto", "Leeds", "Turin", "Bergen"]


def negative(tune, held, make, neutral=0.4, table=None, type_name="VARCHAR", near=()):
    return kind("", by_part(tune=tune, held=held), make, lookalike=True, neutral=neutral, table=table, type_name=type_name, near=near)


NEGATIVE = [
    negative(["order_number"], ["order_no", "purchase_ref"], order_number),
    negative(["version"], ["build_version", "firmware"], version, neutral=0.3),
    negative(["app_version"], ["release"], lambda r, f: f"{r.randrange(9)}.{r.randrange(30)}.{r.randrange(99)}"),
    negative(["product_name", "name"], ["item_name", "title"], lambda r, f: f"{r.choice(COLOURS)} {r.choice(THINGS)}", table=["products", "items"], neutral=0.2, near=("price", "sku")),
    negative(["company", "name"], ["organization", "vendor_name"], lambda r, f: f.company(), table=["companies", "vendors"], neutral=0),
    negative(["city"], ["town", "ship_city"], lambda r, f: r.choice([r.choice(PLACES), f.city()]), neutral=0),
    negative(["country"], ["country_name"], lambda r, f: f.country()),
    negative(["country_code"], ["iso2"], lambda r, f: f.country_code()),
    negative(["checksum", "md5"], ["content_hash", "etag"], lambda r, f: hexes(r, 32), neutral=0.3),
    negative(["sha256"], ["file_digest"], lambda r, f: hexes(r, 64), neutral=0.3),
    negative(["commit_sha"], ["git_commit"], lambda r, f: hexes(r, 40), neutral=0.3),
    negative(["id"], ["uuid", "row_uuid"], lambda r, f: str(uuid.UUID(int=r.getrandbits(128))), neutral=0.3),
    negative(["created_at"], ["updated_at", "event_time"], lambda r, f: f.date_time_this_decade().isoformat(sep=" ")),
    negative(["order_date"], ["due_date", "shipped_on"], lambda r, f: f.date_this_decade().isoformat()),
    negative(["epoch"], ["ts_unix", "event_epoch"], lambda r, f: str(r.randrange(1_500_000_000, 1_800_000_000)), type_name="BIGINT"),
    negative(["amount"], ["total_price", "net_amount"], lambda r, f: f"{r.uniform(1, 9999):.2f}", type_name="DECIMAL"),
    negative(["quantity"], ["num_items"], lambda r, f: str(r.randrange(500)), type_name="BIGINT"),
    negative(["id"], ["row_id", "seq_no"], sequence(1), type_name="BIGINT"),
    negative(["customer_number"], ["acct_no"], sequence(100_000_000), type_name="BIGINT"),
    negative(["status"], ["state_flag", "order_status"], lambda r, f: r.choice(["active", "pending", "closed", "new"])),
    negative(["url"], ["link", "page_url"], lambda r, f: f"https://{f.domain_name()}/{f.uri_path()}"),
    negative(["domain"], ["host", "website_domain"], lambda r, f: f.domain_name()),
    negative(["path"], ["file_path"], lambda r, f: f.file_path(depth=3)),
    negative(["mime_type"], ["content_type"], lambda r, f: f.mime_type()),
    negative(["color"], ["colour_hex"], lambda r, f: "#" + hexes(r, 6)),
    negative(["zip"], ["postal_code"], lambda r, f: made.digits(r, 5)),
    negative(["sku"], ["article_no"], lambda r, f: f"{word(r, 3, string.ascii_uppercase)}-{made.digits(r, 5)}"),
    negative(["invoice_no"], ["bill_number"], lambda r, f: f"INV-{2020 + r.randrange(5)}-{made.digits(r, 6)}"),
    negative(["ean"], ["barcode", "gtin13"], lambda r, f: f.ean13()),
    negative(["isbn"], ["isbn10"], lambda r, f: f.isbn10(separator="")),
    negative(["tracking_number"], ["parcel_no"], lambda r, f: "1Z" + word(r, 16, string.ascii_uppercase + string.digits)),
    negative(["title"], ["job_title", "position"], lambda r, f: f.job(), neutral=0),
    negative(["description"], ["notes", "long_text"], free_text),
    negative(["slug"], ["permalink"], slug),
    negative(["settings"], ["config_json"], lambda r, f: json.dumps({"theme": r.choice(["dark", "light"]), "page": r.randrange(99), "on": True})),
    negative(["style"], ["css"], lambda r, f: f"color: {r.choice(['red', 'blue'])}; width: {r.randrange(99)}px"),
    negative(["log"], ["stack_trace"], lambda r, f: f"ERROR at line {r.randrange(900)}: {' '.join(f.words(5))}"),
    negative(["email_verified"], ["has_phone"], lambda r, f: r.choice(["true", "false"]), neutral=0),
    negative(["phone_type"], ["address_type"], lambda r, f: r.choice(["home", "work", "mobile"]), neutral=0),
    negative(["email_count"], ["password_attempts"], lambda r, f: str(r.randrange(20)), neutral=0, type_name="BIGINT"),
    negative(["address_id"], ["ip_count"], sequence(1000), neutral=0, type_name="BIGINT"),
    negative(["score"], ["temperature", "ratio"], lambda r, f: f"{r.uniform(0, 60):.5f}", type_name="DOUBLE"),
    negative(["ratio"], ["weight"], lambda r, f: f"{r.random():.6f}", type_name="DOUBLE"),
    negative(["currency"], ["ccy"], lambda r, f: f.currency_code()),
    negative(["batch_no"], ["lot"], lambda r, f: f"{made.day(r, 2018, 2025):%d%m%y}-{made.digits(r, 4)}", neutral=0),
    negative(["asset_tag"], ["inventory_code"], lambda r, f: f"{word(r, 2, string.ascii_uppercase)}{made.digits(r, 6)}"),
    negative(["base64_blob"], ["thumbnail_b64"], lambda r, f: "data:image/png;base64," + base64.b64encode(r.randbytes(60)).decode(), neutral=0),
    negative(["category"], ["genre"], lambda r, f: r.choice(["books", "music", "garden", "tools"])),
    negative(["language"], ["locale"], lambda r, f: f.locale()),
    negative(["time_zone"], ["tz"], lambda r, f: f.timezone()),
    negative(["duration"], ["elapsed"], lambda r, f: f"{r.randrange(24):02d}:{r.randrange(60):02d}:{r.randrange(60):02d}"),
    negative(["phone_model"], ["device_model"], lambda r, f: r.choice(["iPhone 14", "Galaxy S22", "Pixel 7", "Nokia 3310"]), neutral=0),
    negative(["transaction_id"], ["payment_ref"], lambda r, f: made.digits(r, 18)),
    negative(["team"], ["department"], lambda r, f: r.choice(["Sales", "Marketing", "Human Resources", "Legal", "Research"])),
]


def noise(rng, value) -> str:
    """As people and programs spoil values."""
    chance = rng.random()
    if chance < 0.04:
        return rng.choice(["", "n/a", "-", "unknown", "NULL"])
    if chance < 0.06:
        return f" {value} "
    if chance < 0.07:
        return value[: len(value) // 2]
    if chance < 0.08:
        return "test"
    return value


def column(part, kind_of, rng) -> dict:
    locale = rng.choice(LOCALES[part])
    faker = Faker(locale)
    faker.seed_instance(rng.getrandbits(32))
    make = kind_of["make"]
    if make is one_token:
        make = one_token(rng)
    names = NEUTRAL if rng.random() < kind_of["neutral"] else kind_of["names"]
    noisy = rng.random() < 0.7
    values = [make(rng, faker) for _ in range(VALUES)]
    return {
        "label": kind_of["label"], "locale": locale, "table": rng.choice(kind_of["tables"]) if kind_of["tables"] else "t", "name": rng.choice(names[part]),
        "type": kind_of["type"], "neighbours": list(kind_of["near"]), "values": [noise(rng, str(v)) if noisy else str(v) for v in values],
    }


def columns(part, count):
    rng = random.Random(f"town lake {part}")
    for kind_of in POSITIVE + NEGATIVE:
        for _ in range(count):
            yield column(part, kind_of, rng)


def main() -> None:
    part, count, output = sys.argv[1:]
    with open(output, "w", encoding="utf-8") as file:
        for row in columns(part, int(count)):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
