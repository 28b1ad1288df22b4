//! The program's sentences in German.

use crate::sentence::Sentence;

/// The form of a sentence, with `{name}` where values stand.
pub const fn form(sentence: Sentence) -> &'static str {
    match sentence {
        Sentence::FloorShown => "{channel} zeigt {price}, unter der Untergrenze {floor} nach heutigen Kosten",
        Sentence::AdvertLower => {
            "{advert} verspricht weniger, als {checkout} verlangt; Zahl der Artikel: {n}, darunter {sku}"
        }
        Sentence::PricesWait => "{channel}: wartende Preise: {n}, der älteste seit {since}",
        Sentence::OfWholeChannel => "von allen Artikeln des Kanals: {what}",
        Sentence::MailRefused => "Mails an {who} werden abgewiesen: {why}",
        Sentence::OrderBroken => {
            "{above} darf nie unter {below} liegen und tut es; Zahl der Artikel: {n}, darunter {sku}"
        }
        Sentence::CostsOld => "Einkaufskosten älter als {span}: {n}, die ältesten die von {sku}, vom {since}",
        Sentence::OtherVariant => {
            "{competitor} verlangt {theirs}, wo wir {ours} verlangen, weit auseinander seit {since}: wahrscheinlich eine andere Variante; {url} zählt nicht"
        }
        Sentence::KeyItem => "{competitor} verlangt {theirs}, wir {ours}: {gap} mehr",
        Sentence::NotLive => "{channel}: {n} von {all} Preisen sind nach {span} nicht live",
        Sentence::NothingSince => "keine Seite eines Konkurrenten hat seit {since} einen Preis gezeigt",
        Sentence::CutsInARow => "{n} Senkungen in Folge zwischen uns und {competitor}, unser Preis fiel um {fell}",
        Sentence::WarWith => "Preiskrieg mit {competitor}: {n} Senkungen im Wechsel, unser Preis fiel um {fell}",
        Sentence::Reactions => "unsere Reaktionen und die von {competitor} ergeben {factor} je Runde",
        Sentence::FlipFlop => "unser Preis ging {n}-mal an einem Tag auf den vorletzten zurück",
        Sentence::OwnRise => {
            "unser Preis wäre innerhalb von {span} um {rise} gestiegen, ohne dass sich die Kosten änderten"
        }
        Sentence::FrozenAfter => "{why}; eingefroren bis {until}",
        Sentence::Suspended => {
            "{competitor} ist ausgesetzt: {why}; die letzten glaubhaften Preise zählen, bis sie zu alt sind"
        }
        Sentence::SuspectPrices => "{n} von {all} Preisen sind verdächtig",
        Sentence::OnePrice => "{n} von {all} Seiten zeigen denselben Preis",
        Sentence::MassSoldOut => "{n} von {all} Artikeln sind auf einmal ausverkauft",
        Sentence::HostSilent => "{host} gibt uns keine Seiten ({n}-mal); in Ruhe gelassen bis {until}",
        Sentence::RunTooMany => "Lauf angehalten: {n} von {all} Artikeln würden sich ändern",
        Sentence::RunAverage => "Lauf angehalten: die mittlere Änderung ist {change}",
        Sentence::RunFar => "Lauf angehalten: Artikel mit großer Änderung: {n}",
        Sentence::RunOnePrice => "Lauf angehalten: {n} Artikel mit verschiedenen Preisen würden alle {price} kosten",
        Sentence::RunManyHeld => "Lauf angehalten: einzeln angehaltene Vorschläge: {n}",
        Sentence::RulesBroken => "die Regeldatei ist nicht brauchbar, die alten Regeln gelten weiter: {why}",
        Sentence::RatesStale => {
            "die Wechselkurse sind veraltet: die neuesten sind vom {day}; Entscheidungen, die sie brauchen, warten"
        }
        Sentence::RatesExpired => {
            "die Wechselkurse sind abgelaufen: die neuesten sind vom {day}; Entscheidungen, die sie brauchen, warten"
        }
        Sentence::RatesMissing => {
            "es gibt keine Wechselkurse, und etwas braucht sie; Entscheidungen, die sie brauchen, warten"
        }
        Sentence::RatesFailed => "die Wechselkurse ließen sich nicht holen: {why}",
        Sentence::RobotsIgnored => "robots.txt wird nicht befolgt: {why}",
        Sentence::ForMembers => "Preise auf {channels} sind nur für Mitglieder",
        Sentence::SeenByAll => {
            "die Regeln behalten den Kanal Mitgliedern vor, aber seine Art zeigt Preise allen: audience = \"loyalty\" aus seinem [[channel]] nehmen"
        }
        Sentence::ChannelStops => "{channel} ist angehalten: {why}",
        Sentence::MovesAtOnce => "{n} von {all} Preisen sollen sich auf einmal ändern ({share})",
        Sentence::MovesFar => "{n} Preise sollen sich im Mittel um {mean} ändern",
        Sentence::NotSent => "nicht an {channel} gesendet: {why}",
        Sentence::TakesNone => "{channel} nimmt keine Preise an: {why}",
        Sentence::ChannelRedirects => "der Kanal leitet um ({status}); seine endgültige Adresse eintragen",
        Sentence::WrongCredentials => "der Kanal lehnt die Zugangsdaten ab ({status})",
        Sentence::ChannelForbids => "der Kanal verbietet es ({status})",
        Sentence::ChannelForbidsSaying => "der Kanal verbietet es ({status}): {words}",
        Sentence::ChannelAnswered => "der Kanal antwortete {status}",
        Sentence::ChannelAnsweredSaying => "der Kanal antwortete {status}: {words}",
        Sentence::NotShown => "{channel} zeigt den Preis nicht: {why}",
        Sentence::Rejects => "{channel} weist den Preis ab: {why}",
        Sentence::KeepsChanging => "jemand anderes ändert immer wieder den Preis auf {channel}: zu sehen ist {shown}",
        Sentence::ShowsInstead => "{channel} zeigt {shown}, wo {proved} bestätigt war",
        Sentence::ShowsForListing => "{channel} zeigt {shown} für {external}",
        Sentence::NotCompared => "{channel} wurde nicht bis zum Ende verglichen: {why}",
        Sentence::NotReadable => {
            "{n} von {all} Angeboten in {channel} sind nicht lesbar, also sieht niemand, was sie zeigen: {why}"
        }
        Sentence::LeftToNext => {
            "der Kanal verbietet mehr Angebote, als ein Durchgang findet; dem nächsten überlassen: {n}"
        }
        Sentence::ShownInstead => "zeigt {shown}, wo {proved} bestätigt war",
        Sentence::Shown => "zeigt {shown}",
        Sentence::Nothing => "nichts",
        Sentence::OnlyAcknowledged => "angenommen; dieser Kanal lässt sich nicht zurücklesen",
        Sentence::NeitherReadNorSent => "{why}; das lässt sich weder zurücklesen noch erneut senden",
        Sentence::CutOff => "eine Sendung wurde abgebrochen",
        Sentence::NeverShown => "aufgegeben nach {n} Versuchen, deren Ausgang der Kanal nie zeigte",
        Sentence::GivenUp => "aufgegeben nach {n} Versuchen: {why}",
        Sentence::NoListing => "der Kanal hat dieses Angebot nicht",
        Sentence::ForbidsThisOne => "der Kanal nimmt andere an und verbietet dieses Angebot: {why}",
        Sentence::NotArrived => "die Sendung kam nicht an",
        Sentence::SentAgain => "angenommen, aber nicht zu sehen; erneut gesendet",
        Sentence::OnlySays => "der Kanal bestätigt und ändert nichts ({n}-mal)",
        Sentence::KeepsFewer => {
            "der Kanal behält {shown}, wo {sent} gesendet wurde; seine Preise haben also weniger Nachkommastellen; {hint}"
        }
        Sentence::TooFine => {
            "{price} hat mehr Nachkommastellen als die {decimals}, die der Kanal nimmt; er wird gleich neu berechnet"
        }
        Sentence::Unreadable => "nicht lesbar: {why}",
        Sentence::OtherCurrency => "der Kanal zeigt {shown} statt {expected}",
        Sentence::UpdatesUsed => {
            "{channel} nimmt {cap} Änderungen eines Angebots in 24 Stunden an, {used} sind verbraucht"
        }
        Sentence::StrayPush => "wartet, bis eine frühere Sendung nicht mehr wirken kann",
        Sentence::PushesPaused => "das Senden ist angehalten: {why}",
        Sentence::NoPriceWanted => "es ist kein Preis gewünscht",
        Sentence::NoFloorNoPrice => {
            "keine Untergrenze: der Artikel hat weder Kosten noch Minimum, so geht von selbst kein Preis hinaus"
        }
        Sentence::ChannelInShadow => "der Kanal ist im Schattenmodus: sein Preis wird entschieden und nicht gesendet",
        Sentence::StrikeByOthers => "er streicht {shown} durch, was niemand entschieden hat",
        Sentence::StrikeChanged => "er streicht {shown} statt unseres Preises durch",
        Sentence::StrikeGone => "er streicht unseren Preis nicht mehr durch",
        Sentence::BelowTodaysFloor => "{price} liegt unter der Untergrenze {floor} nach heutigen Kosten",
        Sentence::BelowFloorAtDoor => "{price} für {external} liegt unter der Untergrenze {floor}",
        Sentence::WaitsForChannel => "wartet, bis {channel} bestätigt ist",
        Sentence::NeverBelow => "{above} darf nie unter {below} liegen, gewünscht sind aber {one} und {other}",
        Sentence::NeverBelowNet => {
            "{above} darf nie unter {below} liegen, gewünscht sind aber {one} und {other}, einer davon ohne Mehrwertsteuer"
        }
        Sentence::NotComparable => {
            "{above} darf nie unter {below} liegen, und sie sind nicht vergleichbar: einer nimmt Nettopreise, und sein Mehrwertsteuersatz ist nicht bekannt"
        }
        Sentence::NoAnswerInTime => "keine Antwort innerhalb der Frist",
        Sentence::NoAnswer => "keine Antwort: {why}",
        Sentence::NothingLeft => "Marge und Gebühren lassen vom Preis nichts übrig: {why}",
        Sentence::CeilingBelowFloor => "die Obergrenze {ceiling} des Kanals liegt unter seiner Untergrenze {floor}",
        Sentence::NoRatesFor => "kein Wechselkurs für {code}",
        Sentence::NoRatesBetween => "{from} ist nicht {to}, und es gibt keine Wechselkurse",
        Sentence::NoRateOn => "kein Kurs für {code} am {day}",
        Sentence::RatesAwaited => "wartet auf neuere Wechselkurse; die neuesten sind vom {day}",
        Sentence::NoVatRate => "kein Mehrwertsteuersatz für die Klasse {class} in {country} am {day}",
        Sentence::NothingCharged => "die Einstellungen des Kanals machen {price} aus unserem Preis",
        Sentence::MarketUnknown => "der Markt {market} steht nicht in den Regeln",
        Sentence::OtherSource => {
            "der Markt {market} übernimmt Preise aus {source}, der Artikel hat seinen Preis in {own}"
        }
        Sentence::CampaignNotReady => {
            "die Aktion {name} beginnt bald, und {channels} ist nicht beschreibbar; {follows}"
        }
        Sentence::CampaignUnready => "die Aktion {name} beginnt bald, und {channels} ist nicht beschreibbar",
        Sentence::CampaignCancelled => "nach ihrer Vorgabe entfällt sie",
        Sentence::CampaignUnagreed => "der Aktion {name} hat bis {until} niemand sonst zugestimmt; sie entfällt",
        Sentence::CampaignDelayed => "nach ihrer Vorgabe beginnt sie auf allen Kanälen später",
        Sentence::CampaignPartly => "nach ihrer Vorgabe beginnt sie auf den übrigen",
        Sentence::CampaignNotLive => "die Aktion {name} läuft, und ihre Preise sind nicht live: {list}",
        Sentence::CampaignStays => "die Aktion {name} ist beendet, und ihre Preise sind noch live: {list}",
        Sentence::OnChannel => "{n} auf {channel}",
        Sentence::NoRule => "keine Regel wählt den Artikel",
        Sentence::Paused => "das Senden ist angehalten",
        Sentence::FrozenUntil => "der Artikel ist eingefroren bis {until}",
        Sentence::NoFloor => "es wurde keine Untergrenze berechnet",
        Sentence::Unverified => "die Zuordnung zum Angebot von {competitor} ist nicht bestätigt",
        Sentence::CrawlDoubted => "dem letzten Abruf von {competitor} ist nicht zu trauen",
        Sentence::BelowAbsolute => "{price} liegt unter dem absoluten Minimum {minimum}",
        Sentence::CostUnknown => "die Einkaufskosten sind nicht bekannt",
        Sentence::CostUnbelievable => "Einkaufskosten von {cost} sind nicht glaubhaft",
        Sentence::CostJump => "die Einkaufskosten gingen von {cost_before} auf {cost}; bitte den Import bestätigen",
        Sentence::NoFloorFollows => "aus den jetzigen Kosten folgt keine Untergrenze",
        Sentence::BelowCost => "{price} liegt unter {floor}, den jetzigen Kosten mit Mehrwertsteuer",
        Sentence::FarBelowFloor => "die Regel wollte {price}, weit unter der Untergrenze {floor}",
        Sentence::FarAboveCeiling => "die Regel wollte {price}, weit über der Obergrenze {ceiling}",
        Sentence::TurnedDown => "abgelehnt von {by}: {why}",
        Sentence::RestsOnUnknown => "die Erhöhung stützt sich auf {competitor}, dessen Bestand nicht bekannt ist",
        Sentence::StockUnsure => {
            "{competitor} hat es vielleicht noch, zu {price}; der Bestand ist nicht sicher bekannt"
        }
        Sentence::OneWitness => {
            "eine Änderung um {change} beruht auf einer einzigen Beobachtung eines einzigen Konkurrenten"
        }
        Sentence::Outlier => "der Preis {price} von {competitor} liegt weit vom Median {median} aus {n} Angeboten",
        Sentence::StepTooLarge => "eine Änderung um {change} in einem Schritt; erlaubt sind -{down} bis +{up}",
        Sentence::ChangesUsed => "schon {n} Änderungen in 24 Stunden",
        Sentence::DayTooFar => "{change} in 24 Stunden; erlaubt sind -{down} bis +{up}",
        Sentence::OutsideCorridor => {
            "{price} liegt außerhalb von {low} bis {high}, dem Band um den 30-Tage-Median {median}"
        }
        Sentence::AboveCeiling => "{price} liegt über {ceiling}, der absoluten Obergrenze",
        Sentence::SlippedPoint => "der Preis sieht nach verrutschtem Komma aus",
        Sentence::SlippedVat => "die Änderung ist genau die Mehrwertsteuer: netto und brutto können verwechselt sein",
        Sentence::SlippedRate => "die Änderung ist genau der Kurs von {code}: Währungen können verwechselt sein",
        Sentence::LockStep => "{n} Änderungen antworteten einander in 48 Stunden in einer Richtung mit {competitor}",
        Sentence::TurnsAgain => "der Preis würde in 24 Stunden zum {n}. Mal die Richtung wechseln",
        Sentence::NotWorthIt => "eine Änderung um {change} lohnt nicht",
        Sentence::NeedsConsent => "eine Änderung um {change} braucht die Zustimmung eines Menschen",
        Sentence::StakeNeedsConsent => "{amount} im Lager auf dem Spiel, das braucht die Zustimmung eines Menschen",
        Sentence::NeedsTwo => "eine Änderung um {change} braucht die Zustimmung von zwei Personen",
        Sentence::StakeNeedsTwo => "{amount} im Lager auf dem Spiel, das braucht die Zustimmung von zwei Personen",
        Sentence::NewRule => {
            "die Regel ist neu oder geändert und gilt bisher für {share} ihrer Artikel, für diesen Artikel ab {turn}"
        }
        Sentence::BelowOwnMinimum => "der Preis liegt unter dem eigenen Minimum des Artikels",
        Sentence::VatPassedOn => "der Mehrwertsteuersatz ging von {before} auf {after} ({row}) und wird weitergegeben",
        Sentence::BackToBefore => {
            "die Zeit des gesetzten Preises ist um, und keine Regel will einen anderen; zurück auf {price}"
        }
        Sentence::NothingAnnounced => "die Aktion kündigt nichts an",
        Sentence::FormerPrice => {
            "der frühere Preis galt {days} Tage, {share} der letzten 90, zuletzt vor {last}; das Angebot dauert {offer}"
        }
        Sentence::CampaignTooLong => "die Aktion ist zu lang",
        Sentence::IndividualExempt => "persönlicher Nachlass, ausgenommen",
        Sentence::InsufficientHistory => "zu kurze Preisgeschichte",
        Sentence::NewArrival => "neuer Artikel, ab Verkaufsbeginn gerechnet",
        Sentence::NotAReduction => "keine Ermäßigung",
        Sentence::NotTheRegular => "nicht der übliche Preis",
        Sentence::OfferTooLong => "das Angebot dauert länger als die Richtlinie",
        Sentence::OfferLongerThanPrice => "das Angebot dauert länger, als der frühere Preis galt",
        Sentence::Perishable => "verderbliche Ware, 14 Tage",
        Sentence::PerishableExempt => "verderbliche Ware, ausgenommen",
        Sentence::PerishableFirst => "verderbliche Ware, der Preis vor der ersten Ermäßigung",
        Sentence::PerishableWindow => "verderbliche Ware, eigener Zeitraum",
        Sentence::Progressive => "schrittweise Ermäßigung",
        Sentence::ProgressiveBroken => "schrittweise Ermäßigung, unterbrochen",
        Sentence::ProgressiveUnknown => "das Land kennt keine schrittweise Ermäßigung",
        Sentence::ReferenceOld => "der frühere Preis ist zu alt",
        Sentence::ReferenceShort => "der frühere Preis galt zu kurz",
        Sentence::HintPages => "omniprice check zeigt den Ausgang jeder Seite",
        Sentence::HintAging => {
            "die Preise altern und fallen von selbst aus den Regeln; omniprice competitor list sagt, warum, omniprice competitor retry {competitor} fragt erneut"
        }
        Sentence::HintHistories => {
            "omniprice explain {sku} zeigt beide Verläufe; [guards.rivalry] bestimmt, was geschieht"
        }
        Sentence::HintProposals => {
            "omniprice review zeigt die Vorschläge; omniprice approve oder reject entscheidet sie"
        }
        Sentence::HintRules => "omniprice check nennt jeden Fehler der Datei",
        Sentence::HintResume => {
            "eine Seite mit omniprice extract ansehen, dann omniprice competitor resume {competitor} --why \"...\""
        }
        Sentence::HintAttempts => "omniprice explain {sku} zeigt jeden Versuch",
        Sentence::HintOtherTool => "das andere Werkzeug finden oder drift = \"alert\" in [channels.{channel}] setzen",
        Sentence::HintDrift => {
            "omniprice verify {channel} --reassert sendet unseren Preis erneut, omniprice channel adopt {channel} macht den gezeigten zu unserem; drift = \"reassert\" tut das Erste von selbst"
        }
        Sentence::HintNetDecimals => {
            "net_decimals in [channels.{channel}] senken oder den Shop mehr behalten lassen; omniprice channel test {channel} sieht nach"
        }
        Sentence::HintCosts => {
            "omniprice import FILE mit heutigen Kosten; alerts.cost_stale_after sagt, was zu alt ist"
        }
        Sentence::HintVariant => {
            "omniprice extract \"{url}\" zeigt die Seite; omniprice alert resolve sagt, dass es doch unser Artikel ist"
        }
        Sentence::HintAddress => {
            "Adresse berichtigen oder omniprice subscription remove {who}; omniprice subscription set {who} off=no beginnt neu"
        }
        Sentence::HintRates => "omniprice fx fetch versucht es erneut; omniprice fx import FILE nimmt eine Datei",
        Sentence::HintRatesAsk => "omniprice fx fetch fragt die Bank; omniprice fx import FILE nimmt eine Datei",
    }
}
