//! The program's sentences in Polish.

use crate::sentence::Sentence;

/// The form of a sentence, with `{name}` where values stand.
pub const fn form(sentence: Sentence) -> &'static str {
    match sentence {
        Sentence::FloorShown => {
            "{channel} pokazuje {price}, poniżej ceny minimalnej {floor} według dzisiejszego kosztu"
        }
        Sentence::AdvertLower => {
            "{advert} obiecuje mniej, niż żąda {checkout}; liczba produktów: {n}, między innymi {sku}"
        }
        Sentence::PricesWait => "{channel}: oczekujące ceny: {n}, najstarsza od {since}",
        Sentence::OfWholeChannel => "ze wszystkich produktów kanału: {what}",
        Sentence::MailRefused => "wiadomości do {who} są odrzucane: {why}",
        Sentence::OrderBroken => {
            "{above} nigdy nie może być poniżej {below}, a jest; liczba produktów: {n}, między innymi {sku}"
        }
        Sentence::CostsOld => "koszty zakupu starsze niż {span}: {n}, najstarszy to koszt {sku}, z {since}",
        Sentence::OtherVariant => {
            "{competitor} żąda {theirs}, a my {ours}, daleko od siebie od {since}: prawdopodobnie inny wariant; {url} się nie liczy"
        }
        Sentence::KeyItem => "{competitor} żąda {theirs}, my {ours}: o {gap} więcej",
        Sentence::NotLive => "{channel}: {n} z {all} cen nie jest widocznych po {span}",
        Sentence::NothingSince => "żadna strona konkurencji nie podała ceny od {since}",
        Sentence::CutsInARow => "obniżki z rzędu między nami a {competitor}: {n}, nasza cena spadła o {fell}",
        Sentence::WarWith => "wojna cenowa z {competitor}: obniżki na przemian: {n}, nasza cena spadła o {fell}",
        Sentence::Reactions => "reakcje nasze i {competitor} dają {factor} na rundę",
        Sentence::FlipFlop => "liczba powrotów naszej ceny do poprzedniej w ciągu doby: {n}",
        Sentence::OwnRise => "nasza cena wzrosłaby o {rise} w ciągu {span} bez zmiany kosztu",
        Sentence::FrozenAfter => "{why}; zamrożone do {until}",
        Sentence::Suspended => {
            "{competitor} jest zawieszony: {why}; ostatnie wiarygodne ceny liczą się, dopóki nie są za stare"
        }
        Sentence::SuspectPrices => "podejrzane ceny: {n} z {all}",
        Sentence::OnePrice => "strony z tą samą ceną: {n} z {all}",
        Sentence::MassSoldOut => "produkty wyprzedane naraz: {n} z {all}",
        Sentence::HostSilent => "{host} nie daje nam stron (próby: {n}); przerwa do {until}",
        Sentence::RunTooMany => "przebieg wstrzymany: zmieniłoby się {n} z {all} produktów",
        Sentence::RunAverage => "przebieg wstrzymany: średnia zmiana to {change}",
        Sentence::RunFar => "przebieg wstrzymany: produkty z dużą zmianą: {n}",
        Sentence::RunOnePrice => "przebieg wstrzymany: produkty o różnych cenach ({n}) kosztowałyby tyle samo: {price}",
        Sentence::RunManyHeld => "przebieg wstrzymany: propozycje wstrzymane pojedynczo: {n}",
        Sentence::RulesBroken => "pliku reguł nie można użyć, obowiązują stare reguły: {why}",
        Sentence::RatesStale => {
            "kursy walut są nieaktualne: najnowsze z {day}; decyzje, które ich wymagają, są wstrzymane"
        }
        Sentence::RatesExpired => "kursy walut wygasły: najnowsze z {day}; decyzje, które ich wymagają, są wstrzymane",
        Sentence::RatesMissing => "nie ma kursów walut, a są potrzebne; decyzje, które ich wymagają, są wstrzymane",
        Sentence::RatesFailed => "nie udało się pobrać kursów walut: {why}",
        Sentence::RobotsIgnored => "robots.txt nie jest przestrzegany: {why}",
        Sentence::ForMembers => "ceny na {channels} są tylko dla członków",
        Sentence::SeenByAll => {
            "reguły przeznaczają kanał dla członków, ale jego rodzaj pokazuje ceny wszystkim: usuń audience = \"loyalty\" z jego [[channel]]"
        }
        Sentence::ChannelStops => "{channel} jest zatrzymany: {why}",
        Sentence::MovesAtOnce => "naraz zmieniłoby się {n} z {all} cen ({share})",
        Sentence::MovesFar => "ceny do zmiany: {n}, średnio o {mean}",
        Sentence::NotSent => "nie wysłano do {channel}: {why}",
        Sentence::TakesNone => "{channel} nie przyjmuje cen: {why}",
        Sentence::ChannelRedirects => "kanał przekierowuje ({status}); podaj jego ostateczny adres",
        Sentence::WrongCredentials => "kanał odrzuca dane logowania ({status})",
        Sentence::ChannelForbids => "kanał tego zabrania ({status})",
        Sentence::ChannelForbidsSaying => "kanał tego zabrania ({status}): {words}",
        Sentence::ChannelAnswered => "kanał odpowiedział {status}",
        Sentence::ChannelAnsweredSaying => "kanał odpowiedział {status}: {words}",
        Sentence::NotShown => "{channel} nie pokazuje ceny: {why}",
        Sentence::Rejects => "{channel} odrzuca cenę: {why}",
        Sentence::KeepsChanging => "ktoś inny wciąż zmienia cenę w {channel}: widać {shown}",
        Sentence::ShowsInstead => "{channel} pokazuje {shown}, choć potwierdzono {proved}",
        Sentence::ShowsForListing => "{channel} pokazuje {shown} dla {external}",
        Sentence::NotCompared => "{channel} nie został porównany do końca: {why}",
        Sentence::NotReadable => {
            "{n} z {all} ofert w {channel} nie można odczytać, więc nikt nie widzi, co pokazują: {why}"
        }
        Sentence::LeftToNext => "kanał zabrania więcej ofert, niż znajduje jedno przejście; zostaje na następne: {n}",
        Sentence::ShownInstead => "pokazuje {shown}, choć potwierdzono {proved}",
        Sentence::Shown => "pokazuje {shown}",
        Sentence::Nothing => "nic",
        Sentence::OnlyAcknowledged => "przyjęto; tego kanału nie można odczytać",
        Sentence::NeitherReadNorSent => "{why}; nie można tego ani odczytać, ani wysłać ponownie",
        Sentence::CutOff => "wysyłka została przerwana",
        Sentence::NeverShown => "zaniechano, liczba prób: {n}; kanał nigdy nie pokazał wyniku",
        Sentence::GivenUp => "zaniechano, liczba prób: {n}: {why}",
        Sentence::NoListing => "kanał nie ma tej oferty",
        Sentence::ForbidsThisOne => "kanał przyjmuje inne oferty, a tej zabrania: {why}",
        Sentence::NotArrived => "wysyłka nie dotarła",
        Sentence::SentAgain => "przyjęto, ale nie widać; wysłano ponownie",
        Sentence::OnlySays => "kanał potwierdza i nic nie zmienia (próby: {n})",
        Sentence::KeepsFewer => {
            "kanał zachowuje {shown}, choć wysłano {sent}; jego ceny mają więc mniej miejsc po przecinku; {hint}"
        }
        Sentence::TooFine => {
            "{price} ma więcej miejsc po przecinku niż {decimals}, które przyjmuje kanał; zaraz zostanie obliczona na nowo"
        }
        Sentence::Unreadable => "nie można odczytać: {why}",
        Sentence::OtherCurrency => "kanał pokazuje {shown} zamiast {expected}",
        Sentence::UpdatesUsed => "{channel} przyjmuje {cap} aktualizacji oferty w ciągu 24 godzin, wykorzystano {used}",
        Sentence::StrayPush => "czeka, aż wcześniejsza wysyłka nie będzie mogła już zadziałać",
        Sentence::PushesPaused => "wysyłki są wstrzymane: {why}",
        Sentence::NoPriceWanted => "nie ma żądanej ceny",
        Sentence::NoFloorNoPrice => {
            "brak ceny minimalnej: produkt nie ma kosztu ani minimum, więc żadna cena nie wychodzi sama"
        }
        Sentence::ChannelInShadow => "kanał jest w trybie cienia: jego cena jest ustalana, ale nie wysyłana",
        Sentence::StrikeByOthers => "przekreśla {shown}, choć nikt o tym nie zdecydował",
        Sentence::StrikeChanged => "przekreśla {shown} zamiast naszej ceny",
        Sentence::StrikeGone => "nie przekreśla już naszej ceny",
        Sentence::BelowTodaysFloor => "{price} jest poniżej ceny minimalnej {floor} według dzisiejszego kosztu",
        Sentence::BelowFloorAtDoor => "{price} dla {external} jest poniżej ceny minimalnej {floor}",
        Sentence::WaitsForChannel => "czeka, aż najpierw zostanie potwierdzony {channel}",
        Sentence::NeverBelow => "{above} nigdy nie może być poniżej {below}, a żądane ceny to {one} i {other}",
        Sentence::NeverBelowNet => {
            "{above} nigdy nie może być poniżej {below}, a żądane ceny to {one} i {other}, jedna z nich bez VAT"
        }
        Sentence::NotComparable => {
            "{above} nigdy nie może być poniżej {below}, a nie da się ich porównać: jeden przyjmuje ceny netto i jego stawka VAT nie jest znana"
        }
        Sentence::NoAnswerInTime => "brak odpowiedzi w terminie",
        Sentence::NoAnswer => "brak odpowiedzi: {why}",
        Sentence::NothingLeft => "marża i opłaty nie zostawiają nic z ceny: {why}",
        Sentence::CeilingBelowFloor => "pułap kanału {ceiling} jest poniżej jego ceny minimalnej {floor}",
        Sentence::NoRatesFor => "brak kursu dla {code}",
        Sentence::NoRatesBetween => "{from} to nie {to}, a kursów walut nie ma",
        Sentence::NoRateOn => "brak kursu {code} na dzień {day}",
        Sentence::RatesAwaited => "czeka na nowsze kursy walut; najnowsze są z {day}",
        Sentence::NoVatRate => "brak stawki VAT dla klasy {class} w {country} na dzień {day}",
        Sentence::NothingCharged => "ustawienia kanału robią z naszej ceny {price}",
        Sentence::MarketUnknown => "rynku {market} nie ma w regułach",
        Sentence::OtherSource => "rynek {market} przejmuje ceny z {source}, a cenę produktu ustala {own}",
        Sentence::CampaignNotReady => "kampania {name} wkrótce się zaczyna, a nie można pisać do {channels}; {follows}",
        Sentence::CampaignUnready => "kampania {name} wkrótce się zaczyna, a nie można pisać do {channels}",
        Sentence::CampaignCancelled => "zgodnie z jej polityką zostaje odwołana",
        Sentence::CampaignUnagreed => "nikt inny nie zgodził się na kampanię {name} do {until}; zostaje odwołana",
        Sentence::CampaignDelayed => "zgodnie z jej polityką start jest opóźniony we wszystkich kanałach",
        Sentence::CampaignPartly => "zgodnie z jej polityką zaczyna się w pozostałych",
        Sentence::CampaignNotLive => "kampania {name} trwa, a jej cen nie widać: {list}",
        Sentence::CampaignStays => "kampania {name} się skończyła, a jej ceny wciąż widać: {list}",
        Sentence::OnChannel => "{n} w {channel}",
        Sentence::NoRule => "żadna reguła nie wybiera produktu",
        Sentence::Paused => "wysyłki są wstrzymane",
        Sentence::FrozenUntil => "produkt jest zamrożony do {until}",
        Sentence::NoFloor => "nie obliczono ceny minimalnej",
        Sentence::Unverified => "powiązanie z ofertą {competitor} nie jest potwierdzone",
        Sentence::CrawlDoubted => "ostatni odczyt {competitor} nie jest wiarygodny",
        Sentence::BelowAbsolute => "{price} jest poniżej bezwzględnego minimum {minimum}",
        Sentence::CostUnknown => "koszt zakupu nie jest znany",
        Sentence::CostUnbelievable => "koszt zakupu {cost} nie jest wiarygodny",
        Sentence::CostJump => "koszt zakupu zmienił się z {cost_before} na {cost}; potwierdź import",
        Sentence::NoFloorFollows => "z obecnego kosztu nie wynika cena minimalna",
        Sentence::BelowCost => "{price} jest poniżej {floor}, obecnego kosztu z VAT",
        Sentence::FarBelowFloor => "reguła chciała {price}, daleko poniżej ceny minimalnej {floor}",
        Sentence::FarAboveCeiling => "reguła chciała {price}, daleko powyżej pułapu {ceiling}",
        Sentence::TurnedDown => "odrzucone przez {by}: {why}",
        Sentence::RestsOnUnknown => "podwyżka opiera się na {competitor}, którego stan magazynu jest nieznany",
        Sentence::StockUnsure => "{competitor} może jeszcze to mieć, po {price}; stan magazynu nie jest pewny",
        Sentence::OneWitness => "zmiana o {change} opiera się na jednej obserwacji jednego konkurenta",
        Sentence::Outlier => "cena {competitor}, {price}, jest daleko od mediany {median} z {n} ofert",
        Sentence::StepTooLarge => "zmiana o {change} w jednym kroku; dozwolone od -{down} do +{up}",
        Sentence::ChangesUsed => "zmiany w ciągu 24 godzin: już {n}",
        Sentence::DayTooFar => "{change} w ciągu 24 godzin; dozwolone od -{down} do +{up}",
        Sentence::OutsideCorridor => "{price} jest poza zakresem od {low} do {high} wokół 30-dniowej mediany {median}",
        Sentence::AboveCeiling => "{price} jest powyżej {ceiling}, bezwzględnego pułapu",
        Sentence::SlippedPoint => "cena wygląda na przesunięty przecinek",
        Sentence::SlippedVat => "zmiana równa się VAT: netto i brutto mogły zostać pomylone",
        Sentence::SlippedRate => "zmiana równa się kursowi {code}: waluty mogły zostać pomylone",
        Sentence::LockStep => "ruchy w jednym kierunku na przemian z {competitor} w ciągu 48 godzin: {n}",
        Sentence::TurnsAgain => "cena zmieniłaby kierunek po raz {n}. w ciągu 24 godzin",
        Sentence::NotWorthIt => "zmiana o {change} nie jest tego warta",
        Sentence::NeedsConsent => "zmiana o {change} wymaga zgody człowieka",
        Sentence::StakeNeedsConsent => "{amount} zagrożone w magazynie wymaga zgody człowieka",
        Sentence::NeedsTwo => "zmiana o {change} wymaga zgody dwóch osób",
        Sentence::StakeNeedsTwo => "{amount} zagrożone w magazynie wymaga zgody dwóch osób",
        Sentence::NewRule => {
            "reguła jest nowa lub zmieniona i obejmuje na razie {share} swoich produktów, ten produkt od {turn}"
        }
        Sentence::BelowOwnMinimum => "cena jest poniżej własnego minimum produktu",
        Sentence::VatPassedOn => "stawka VAT zmieniła się z {before} na {after} ({row}) i jest przenoszona na cenę",
        Sentence::BackToBefore => "czas ustalonej ceny minął i żadna reguła nie chce innej; powrót do {price}",
        Sentence::NothingAnnounced => "kampania niczego nie ogłasza",
        Sentence::FormerPrice => {
            "poprzednia cena obowiązywała dni: {days}, {share} z ostatnich 90, ostatnio {last} temu; oferta trwa {offer}"
        }
        Sentence::CampaignTooLong => "kampania jest za długa",
        Sentence::IndividualExempt => "rabat indywidualny, zwolniony",
        Sentence::InsufficientHistory => "zbyt krótka historia cen",
        Sentence::NewArrival => "nowość, od początku sprzedaży",
        Sentence::NotAReduction => "to nie obniżka",
        Sentence::NotTheRegular => "to nie zwykła cena",
        Sentence::OfferTooLong => "oferta trwa dłużej, niż mówią wytyczne",
        Sentence::OfferLongerThanPrice => "oferta trwa dłużej, niż obowiązywała poprzednia cena",
        Sentence::Perishable => "towar łatwo psujący się, 14 dni",
        Sentence::PerishableExempt => "towar łatwo psujący się, zwolniony",
        Sentence::PerishableFirst => "towar łatwo psujący się, cena przed pierwszą obniżką",
        Sentence::PerishableWindow => "towar łatwo psujący się, własny okres",
        Sentence::Progressive => "obniżka stopniowa",
        Sentence::ProgressiveBroken => "obniżka stopniowa, przerwana",
        Sentence::ProgressiveUnknown => "kraj nie zna obniżki stopniowej",
        Sentence::ReferenceOld => "poprzednia cena jest za stara",
        Sentence::ReferenceShort => "poprzednia cena obowiązywała za krótko",
        Sentence::HintPages => "omniprice check pokazuje wynik każdej strony",
        Sentence::HintAging => {
            "ceny starzeją się i same wypadają z reguł; omniprice competitor list mówi dlaczego, omniprice competitor retry {competitor} pyta ponownie"
        }
        Sentence::HintHistories => {
            "omniprice explain {sku} pokazuje obie historie; [guards.rivalry] mówi, co się dzieje"
        }
        Sentence::HintProposals => "omniprice review pokazuje propozycje; omniprice approve albo reject je rozstrzyga",
        Sentence::HintRules => "omniprice check wymienia każdy błąd pliku",
        Sentence::HintResume => {
            "obejrzyj stronę przez omniprice extract, potem omniprice competitor resume {competitor} --why \"...\""
        }
        Sentence::HintAttempts => "omniprice explain {sku} pokazuje każdą próbę",
        Sentence::HintOtherTool => "znajdź drugie narzędzie albo ustaw drift = \"alert\" w [channels.{channel}]",
        Sentence::HintDrift => {
            "omniprice verify {channel} --reassert wysyła naszą cenę ponownie, omniprice channel adopt {channel} przyjmuje pokazywaną jako naszą; drift = \"reassert\" robi to pierwsze samo"
        }
        Sentence::HintNetDecimals => {
            "zmniejsz net_decimals w [channels.{channel}] albo pozwól sklepowi zachować więcej; omniprice channel test {channel} sprawdza"
        }
        Sentence::HintCosts => {
            "omniprice import FILE z dzisiejszymi kosztami; alerts.cost_stale_after mówi, jaki koszt jest za stary"
        }
        Sentence::HintVariant => {
            "omniprice extract \"{url}\" pokazuje stronę; omniprice alert resolve potwierdza, że to jednak nasz produkt"
        }
        Sentence::HintAddress => {
            "popraw adres albo omniprice subscription remove {who}; omniprice subscription set {who} off=no zaczyna od nowa"
        }
        Sentence::HintRates => "omniprice fx fetch próbuje ponownie; omniprice fx import FILE przyjmuje plik",
        Sentence::HintRatesAsk => "omniprice fx fetch pyta bank; omniprice fx import FILE przyjmuje plik",
    }
}
