//! `currency`: amounts of money as they are written in some countries. A table of its own: that of CLDR is bigger than the
//! rest of the language.

use minijinja::{Error, Value};

use super::numbers::{decimal, shortened};
use super::{failed, number_of};

/// How a country writes amounts.
struct Locale {
    name: &'static str,
    point: &'static str,
    thousands: &'static str,
    sign: Sign,
}

/// Where the sign of the currency stands.
#[derive(Clone, Copy)]
enum Sign {
    /// `€1`.
    Before,
    /// `€ 1`.
    BeforeApart,
    /// `1 €`.
    AfterApart,
}

const fn locale(
    name: &'static str,
    point: &'static str,
    thousands: &'static str,
    sign: Sign,
) -> Locale {
    Locale { name, point, thousands, sign }
}

/// Well-known ones, after CLDR, with plain spaces. A language alone stands for the country that most of its speakers, or
/// of its shops, are in.
const LOCALES: [Locale; 35] = [
    locale("bg", ",", " ", Sign::AfterApart),
    locale("cs", ",", " ", Sign::AfterApart),
    locale("da", ",", ".", Sign::AfterApart),
    locale("de", ",", ".", Sign::AfterApart),
    locale("de-AT", ",", ".", Sign::BeforeApart),
    locale("de-CH", ".", "’", Sign::BeforeApart),
    locale("el", ",", ".", Sign::AfterApart),
    locale("en", ".", ",", Sign::Before),
    locale("es", ",", ".", Sign::AfterApart),
    locale("es-MX", ".", ",", Sign::Before),
    locale("et", ",", " ", Sign::AfterApart),
    locale("fi", ",", " ", Sign::AfterApart),
    locale("fr", ",", " ", Sign::AfterApart),
    locale("fr-CH", ",", " ", Sign::AfterApart),
    locale("hi", ".", ",", Sign::Before),
    locale("hr", ",", ".", Sign::AfterApart),
    locale("hu", ",", " ", Sign::AfterApart),
    locale("id", ",", ".", Sign::BeforeApart),
    locale("it", ",", ".", Sign::AfterApart),
    locale("ja", ".", ",", Sign::Before),
    locale("ko", ".", ",", Sign::Before),
    locale("lt", ",", " ", Sign::AfterApart),
    locale("lv", ",", " ", Sign::AfterApart),
    locale("nb", ",", " ", Sign::AfterApart),
    locale("nl", ",", ".", Sign::BeforeApart),
    locale("pl", ",", " ", Sign::AfterApart),
    locale("pt", ",", ".", Sign::BeforeApart),
    locale("pt-PT", ",", " ", Sign::AfterApart),
    locale("ro", ",", ".", Sign::AfterApart),
    locale("ru", ",", " ", Sign::AfterApart),
    locale("sk", ",", " ", Sign::AfterApart),
    locale("sv", ",", " ", Sign::AfterApart),
    locale("tr", ",", ".", Sign::Before),
    locale("uk", ",", " ", Sign::AfterApart),
    locale("zh", ".", ",", Sign::Before),
];

/// The currencies of ISO 4217 with two digits behind the point.
const TWO_DIGITS: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS \
    INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN \
    NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB \
    TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";

/// Those without.
const NO_DIGITS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";

/// Those with three.
const THREE_DIGITS: &str = "BHD IQD JOD KWD LYD OMR TND";

/// Signs that say which currency is meant without its code.
const SIGNS: [(&str, &str); 24] = [
    ("AUD", "A$"),
    ("BRL", "R$"),
    ("CAD", "CA$"),
    ("CNY", "CN¥"),
    ("CZK", "Kč"),
    ("EUR", "€"),
    ("GBP", "£"),
    ("HKD", "HK$"),
    ("HUF", "Ft"),
    ("ILS", "₪"),
    ("INR", "₹"),
    ("JPY", "¥"),
    ("KRW", "₩"),
    ("KZT", "₸"),
    ("MXN", "MX$"),
    ("NGN", "₦"),
    ("NZD", "NZ$"),
    ("PHP", "₱"),
    ("PLN", "zł"),
    ("RUB", "₽"),
    ("TRY", "₺"),
    ("UAH", "₴"),
    ("USD", "$"),
    ("VND", "₫"),
];

pub(super) fn currency(value: &Value, code: &str, locale: Option<&str>) -> Result<String, Error> {
    let amount = number_of(value, "currency")?;
    let code = code.to_uppercase();
    let holds = |codes: &str| codes.split_whitespace().any(|known| known == code);
    let digits = if holds(TWO_DIGITS) {
        2
    } else if holds(NO_DIGITS) {
        0
    } else if holds(THREE_DIGITS) {
        3
    } else {
        return Err(failed(format!("ISO 4217 has no currency {:?}", shortened(&code))));
    };
    let locale = find(locale.unwrap_or("en"))?;
    let sign = SIGNS.iter().find(|(known, _)| *known == code).map_or(&*code, |(_, sign)| sign);
    let written = decimal(amount, digits, locale.point, locale.thousands);
    let (minus, number) = match written.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", &*written),
    };
    // Letters always stand apart.
    let letters = sign.ends_with(char::is_alphabetic);
    Ok(match locale.sign {
        Sign::Before if !letters => format!("{minus}{sign}{number}"),
        Sign::Before | Sign::BeforeApart => format!("{minus}{sign} {number}"),
        Sign::AfterApart => format!("{minus}{number} {sign}"),
    })
}

/// The locale by its name (`de-AT`, `de_AT`), or that of its language.
fn find(name: &str) -> Result<&'static Locale, Error> {
    let wanted = name.replace('_', "-");
    let language = wanted.split('-').next().unwrap_or_default();
    let by = |name: &str| LOCALES.iter().find(|locale| locale.name.eq_ignore_ascii_case(name));
    by(&wanted).or_else(|| by(language)).ok_or_else(|| {
        let known = LOCALES.map(|locale| locale.name).join(", ");
        failed(format!("`currency` knows no locale {:?}; it knows {known}", shortened(name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_in_their_countries() {
        let cases = [
            (-1234.5, "EUR", "de"),
            (1234.5, "chf", "de_CH"),
            (1_234_567.891, "EUR", "fr"),
            (0.5, "GBP", "en-GB"),
            (-3.0, "USD", "en"),
            (12.0, "PLN", "en"),
            (12.0, "SEK", "en"),
            (12.3456, "KWD", "en"),
            (-0.001, "EUR", "nl"),
            (1.0, "XXX", "en"),
            (1.0, "EUR", "tlh"),
        ];
        let written = cases.map(|(amount, code, locale)| {
            currency(&Value::from(amount), code, Some(locale))
                .unwrap_or_else(|error| error.to_string())
        });
        insta::assert_snapshot!(written.join("\n"), @r#"
        -1.234,50 €
        CHF 1’234.50
        1 234 567,89 €
        £0.50
        -$3.00
        zł 12.00
        SEK 12.00
        KWD 12.346
        € 0,00
        invalid operation: ISO 4217 has no currency "XXX"
        invalid operation: `currency` knows no locale "tlh"; it knows bg, cs, da, de, de-AT, de-CH, el, en, es, es-MX, et, fi, fr, fr-CH, hi, hr, hu, id, it, ja, ko, lt, lv, nb, nl, pl, pt, pt-PT, ro, ru, sk, sv, tr, uk, zh
        "#);
    }

    #[test]
    fn tables_are_in_order() {
        assert!(LOCALES.is_sorted_by_key(|locale| locale.name));
        assert!(SIGNS.is_sorted_by_key(|(code, _)| *code));
        for codes in [TWO_DIGITS, NO_DIGITS, THREE_DIGITS] {
            assert!(codes.split_whitespace().all(|code| code.len() == 3));
            assert!(codes.split_whitespace().is_sorted());
        }
    }
}
