/* detectors/validate_int.h -- the checks that patterns name; each is told the match and the value around it. */
#ifndef TL_DETECTORS_VALIDATE_INT_H
#define TL_DETECTORS_VALIDATE_INT_H

#include "detectors/detectors_int.h"

#define TL_CHECK(name) bool tl_check_##name(struct tl_str found, struct tl_str value)
TL_CHECK(address_capital); TL_CHECK(address_english); TL_CHECK(address_two_words); TL_CHECK(address_words); TL_CHECK(belgium);
TL_CHECK(birth_end); TL_CHECK(birth_iso); TL_CHECK(bsn); TL_CHECK(card); TL_CHECK(china); TL_CHECK(codice_fiscale); TL_CHECK(cookie); TL_CHECK(cpf);
TL_CHECK(cpr); TL_CHECK(curp); TL_CHECK(dni); TL_CHECK(email); TL_CHECK(email_spelled); TL_CHECK(german_tax); TL_CHECK(hetu);
TL_CHECK(iban); TL_CHECK(identifier); TL_CHECK(ipv4); TL_CHECK(ipv6); TL_CHECK(korea); TL_CHECK(luhn); TL_CHECK(mac);
TL_CHECK(medicare); TL_CHECK(my_number); TL_CHECK(nhs); TL_CHECK(nif); TL_CHECK(nir); TL_CHECK(norway); TL_CHECK(nric);
TL_CHECK(personnummer); TL_CHECK(pesel); TL_CHECK(phone_american); TL_CHECK(phone_bare); TL_CHECK(phone_international);
TL_CHECK(phone_national); TL_CHECK(random_text); TL_CHECK(rut); TL_CHECK(south_africa); TL_CHECK(ssn); TL_CHECK(tfn);
TL_CHECK(turkey); TL_CHECK(user_path); TL_CHECK(verhoeff); TL_CHECK(vin);

#endif
