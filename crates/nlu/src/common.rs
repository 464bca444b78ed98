//! Words that say little by themselves, in the languages that customers write most: articles, pronouns, prepositions,
//! auxiliary verbs, courtesies. Asked by `train` and `classify` for the weight of a word.
//!
//! They count less, and are never left out: "where is it" has nothing else. A bot of many intents finds out by itself
//! which words say little, since they are in all of them; this list is for bots with few sentences, and for words that
//! no sentence of the bot has. A language that is not here works all the same, a little worse with small bots.
//! Negations and words that ask (where, when, how) are not here: they are often what tells two intents apart.

use std::collections::HashSet;
use std::sync::LazyLock;

/// As `words` cuts and folds them: no case, no diacritics, no apostrophes.
const COMMON: &[&str] = &[
    // English.
    "a an the i im ive id me my you your youre we our us he she it its they them this that there these those is are am \
     was were be been being do does did have has had will would can could should may might must and or but if of to in \
     on at by for from with about as so just please pls thanks thank hi hello hey some any get got let lets want need \
     like d ll s t re ve m go here also too very really now then",
    // German.
    "der die das den dem des ein eine einen einem einer eines ich mich mir mein meine meinen meinem meiner du dich dir \
     dein deine er sie es wir uns unser unsere ihr euch euer eure ihnen sich ist sind bin bist war waren sein habe hast \
     hat haben hatte hatten werde wird werden wurde wurden kann kannst konnen konnte konnten will wollen mochte mochten \
     muss mussen soll sollen darf und oder aber wenn dass ob zu zum zur in im an am auf aus bei beim mit nach von vom \
     fur um uber als so auch noch schon mal nur gern gerne bitte danke hallo da hier man etwas was",
    // Spanish and Portuguese.
    "el la los las un una unos unas lo le les yo me mi mis tu te ti tus su sus se nos nosotros usted ustedes es son soy \
     eres esta estan estoy estar ser hay he ha han haber puedo puede pueden podria quiero quisiera quiere gustaria \
     necesito deseo y o pero si que de del a al en con por para como mas muy ya favor gracias hola este eso esto ese \
     os as um uma eu meu minha meus minhas voce voces seu sua e sao sou estou tem tenho posso pode quero queria gostaria \
     preciso mas do da dos das na nos nas em com para obrigado ola isso isto este",
    // French and Italian.
    "le la les l un une des du de d je j me m moi mon ma mes tu te t toi ton ta tes vous votre vos il elle nous notre \
     nos ils elles on ce cet cette ces c est suis es sont sommes etes etre ai as a avons avez ont avoir peux peut puis \
     pouvez voudrais veux veut et ou mais si que qu qui en dans sur avec pour par au aux s se sil plait svp merci bonjour y \
     il lo gli i uno una mi mio mia miei tu ti tuo tua lei si noi ci voi vi loro e sono sei siete ho hai ha abbiamo \
     avete hanno posso puo puoi potete vorrei voglio vuole di a da in con su per tra al del della dei delle nel nella \
     che ma o se anche grazie ciao per favore questo questa",
    // Dutch and Polish.
    "de het een ik mij mijn je jij jouw u uw wij we ons onze hij zij ze er is ben bent zijn was heb hebt heeft hebben kan \
     kunt kunnen wil willen zou graag en of maar als dat die dit deze te in op aan van voor met bij naar om ook nog \
     alstublieft dank hallo \
     ja mnie mi moj moja moje ty ci cie twoj on ona ono my nas nam wy was wam pan pani sie jest sa jestem byc mam masz ma \
     moge moze mozna chce chcialbym chcialabym prosze dziekuje czesc i a ale lub czy ze to ten ta te w we z ze na do od \
     po dla o u za juz jeszcze",
    // Russian and Ukrainian.
    "я меня мне мнои мои моя мое моего моеи моему мою ты тебя тебе твои он она оно они его ее их мы нас нам наш вы вас \
     вам ваш ваша ваше это этот эта эти то тот та есть был была было были быть буду будет могу может можно можете хочу \
     хотел хотела бы хотелось нужно надо и или но а если что чтобы в во на с со к ко у о об от до по за из для при ли \
     же уже еще пожалуиста спасибо здравствуите привет так тоже тут там \
     і та або але що щоб мене мені міи моя моє ви вас вам ваш це цеи ця ці є був була можу може хочу хотів хотіла треба \
     у в з зі до від на для про будь ласка дякую привіт вже ще",
    // Japanese.
    "は が の を に へ と も で か ね よ です ます まし した して たい いで すか",
];

static SET: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| COMMON.iter().flat_map(|language| language.split_whitespace()).collect());

/// Whether a folded word says little by itself.
pub(crate) fn is_common(word: &str) -> bool {
    SET.contains(word)
}

/// Words, in several languages, by which a sentence says the opposite.
const NEGATIONS: &str = "not no never none nothing without cannot cant dont doesnt didnt isnt arent wasnt werent wont \
    wouldnt couldnt shouldnt havent hasnt hadnt aint nicht kein keine keinen keinem keiner nie niemals nichts ohne no nunca \
    nada ningun ninguna sin nao nem sem ne pas jamais rien sans non mai niente senza niet geen nooit nie niet nic bez не \
    нет никогда ничего нельзя без ні немає ніколи нічого";

static NEGATED: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| NEGATIONS.split_whitespace().collect());

/// Whether a folded word turns a sentence into its opposite.
pub(crate) fn is_negation(word: &str) -> bool {
    NEGATED.contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    #[test]
    fn the_lists_are_written_as_words_are_folded() {
        for word in COMMON.iter().flat_map(|line| line.split_whitespace()) {
            let folded = words(word).join(" ");
            assert_eq!(folded, word, "each is written as it is compared");
        }
        for word in NEGATIONS.split_whitespace() {
            assert_eq!(words(word), [word]);
            assert!(!is_common(word), "{word} says much");
        }
    }
}
