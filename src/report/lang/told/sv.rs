//! The program's sentences in Swedish.

use crate::sentence::Sentence;

/// The form of a sentence, with `{name}` where values stand.
pub const fn form(sentence: Sentence) -> &'static str {
    match sentence {
        Sentence::FloorShown => "{channel} visar {price}, under golvet {floor} efter dagens inköpspris",
        Sentence::AdvertLower => {
            "{advert} lovar ett lägre pris än {checkout} tar, antal produkter: {n}, bland andra {sku}"
        }
        Sentence::PricesWait => "{channel}: väntande priser: {n}, det äldsta sedan {since}",
        Sentence::OfWholeChannel => "av kanalens alla produkter: {what}",
        Sentence::MailRefused => "mejl till {who} avvisas: {why}",
        Sentence::OrderBroken => {
            "{above} får aldrig ligga under {below} och gör det; antal produkter: {n}, bland andra {sku}"
        }
        Sentence::CostsOld => "inköpspriser äldre än {span}: {n}, det äldsta för {sku}, från {since}",
        Sentence::OtherVariant => {
            "{competitor} tar {theirs} där vi tar {ours}, långt ifrån varandra sedan {since}: troligen en annan variant; {url} räknas inte"
        }
        Sentence::KeyItem => "{competitor} tar {theirs}, vi tar {ours}: {gap} mer",
        Sentence::NotLive => "{channel}: {n} av {all} priser är inte live efter {span}",
        Sentence::NothingSince => "ingen konkurrents sida har gett ett pris sedan {since}",
        Sentence::CutsInARow => "{n} sänkningar i rad mellan oss och {competitor}, vårt pris har fallit {fell}",
        Sentence::WarWith => "priskrig med {competitor}: {n} sänkningar i tur och ordning, vårt pris har fallit {fell}",
        Sentence::Reactions => "våra och {competitor}s reaktioner ger {factor} per varv",
        Sentence::FlipFlop => "vårt pris har {n} gånger på ett dygn gått tillbaka till det förra",
        Sentence::OwnRise => "vårt pris skulle ha stigit {rise} inom {span} utan att inköpspriset ändrats",
        Sentence::FrozenAfter => "{why}; fryst till {until}",
        Sentence::Suspended => {
            "{competitor} är avstängd: {why}; de sista trovärdiga priserna räknas tills de är för gamla"
        }
        Sentence::SuspectPrices => "{n} av {all} priser är misstänkta",
        Sentence::OnePrice => "{n} av {all} sidor visar samma pris",
        Sentence::MassSoldOut => "{n} av {all} produkter är slutsålda på en gång",
        Sentence::HostSilent => "{host} ger oss inga sidor ({n} gånger); lämnas i fred till {until}",
        Sentence::RunTooMany => "körningen hålls: {n} av {all} produkter skulle byta pris",
        Sentence::RunAverage => "körningen hålls: ändringen är i snitt {change}",
        Sentence::RunFar => "körningen hålls: antal produkter med stor ändring: {n}",
        Sentence::RunOnePrice => "körningen hålls: {n} produkter med olika priser skulle alla kosta {price}",
        Sentence::RunManyHeld => "körningen hålls: {n} förslag hölls ett och ett",
        Sentence::RulesBroken => "regelfilen kan inte användas, de gamla reglerna gäller: {why}",
        Sentence::RatesStale => "växelkurserna är inaktuella: de nyaste är från {day}; beslut som behöver dem hålls",
        Sentence::RatesExpired => "växelkurserna har gått ut: de nyaste är från {day}; beslut som behöver dem hålls",
        Sentence::RatesMissing => "det finns inga växelkurser, och något behöver dem; beslut som behöver dem hålls",
        Sentence::RatesFailed => "växelkurserna kunde inte hämtas: {why}",
        Sentence::RobotsIgnored => "robots.txt följs inte: {why}",
        Sentence::ForMembers => "priserna på {channels} är bara för medlemmar",
        Sentence::SeenByAll => {
            "reglerna förbehåller kanalen för medlemmar, men dess typ visar priser för alla: ta bort audience = \"loyalty\" ur dess [[channel]]"
        }
        Sentence::ChannelStops => "{channel} är stoppad: {why}",
        Sentence::MovesAtOnce => "{n} av {all} priser skulle ändras på en gång ({share})",
        Sentence::MovesFar => "{n} priser skulle flytta sig {mean} i snitt",
        Sentence::NotSent => "inte skickat till {channel}: {why}",
        Sentence::TakesNone => "{channel} tar inte emot priser: {why}",
        Sentence::ChannelRedirects => "kanalen omdirigerar ({status}); ange dess slutliga adress",
        Sentence::WrongCredentials => "kanalen avvisar inloggningsuppgifterna ({status})",
        Sentence::ChannelForbids => "kanalen förbjuder det ({status})",
        Sentence::ChannelForbidsSaying => "kanalen förbjuder det ({status}): {words}",
        Sentence::ChannelAnswered => "kanalen svarade {status}",
        Sentence::ChannelAnsweredSaying => "kanalen svarade {status}: {words}",
        Sentence::NotShown => "{channel} visar inte priset: {why}",
        Sentence::Rejects => "{channel} avvisar priset: {why}",
        Sentence::KeepsChanging => "någon annan fortsätter att ändra priset på {channel}: den visar {shown}",
        Sentence::ShowsInstead => "{channel} visar {shown} där {proved} var bekräftat",
        Sentence::ShowsForListing => "{channel} visar {shown} för {external}",
        Sentence::NotCompared => "{channel} jämfördes inte till slut: {why}",
        Sentence::NotReadable => "{n} av {all} produkter i {channel} kan inte läsas, så ingen ser vad de visar: {why}",
        Sentence::LeftToNext => "kanalen förbjuder fler produkter än en genomgång hittar; kvar till nästa: {n}",
        Sentence::ShownInstead => "visar {shown} där {proved} var bekräftat",
        Sentence::Shown => "visar {shown}",
        Sentence::Nothing => "ingenting",
        Sentence::OnlyAcknowledged => "mottaget; kanalen kan inte läsas tillbaka",
        Sentence::NeitherReadNorSent => "{why}; det kan varken läsas tillbaka eller skickas igen",
        Sentence::CutOff => "en sändning bröts",
        Sentence::NeverShown => "uppgivet efter {n} försök vars utfall kanalen aldrig visade",
        Sentence::GivenUp => "uppgivet efter {n} försök: {why}",
        Sentence::NoListing => "kanalen har inte den här produkten",
        Sentence::ForbidsThisOne => "kanalen tar emot andra och förbjuder den här: {why}",
        Sentence::NotArrived => "sändningen kom inte fram",
        Sentence::SentAgain => "mottaget men inte visat; skickat igen",
        Sentence::OnlySays => "kanalen säger ja och ändrar inget ({n} gånger)",
        Sentence::KeepsFewer => {
            "kanalen behåller {shown} där {sent} skickades; dess priser har alltså färre decimaler; {hint}"
        }
        Sentence::TooFine => "{price} har fler decimaler än de {decimals} som kanalen tar; det räknas strax om",
        Sentence::Unreadable => "kan inte läsas: {why}",
        Sentence::OtherCurrency => "kanalen visar {shown} i stället för {expected}",
        Sentence::UpdatesUsed => "{channel} tar {cap} uppdateringar av en produkt på 24 timmar, och {used} är använda",
        Sentence::StrayPush => "väntar tills en tidigare sändning inte längre kan slå igenom",
        Sentence::PushesPaused => "utskick är pausade: {why}",
        Sentence::NoPriceWanted => "inget pris är önskat",
        Sentence::NoFloorNoPrice => {
            "inget golv: produkten har varken inköpspris eller minimum, så inget pris går ut av sig självt"
        }
        Sentence::ChannelInShadow => "kanalen är i skuggläge: dess pris beslutas och skickas inte",
        Sentence::StrikeByOthers => "den stryker över {shown}, som ingen har beslutat",
        Sentence::StrikeChanged => "den stryker över {shown} i stället för vårt pris",
        Sentence::StrikeGone => "den stryker inte längre över vårt pris",
        Sentence::BelowTodaysFloor => "{price} är under golvet {floor} efter dagens inköpspris",
        Sentence::BelowFloorAtDoor => "{price} för {external} är under golvet {floor}",
        Sentence::WaitsForChannel => "väntar på att {channel} bekräftas först",
        Sentence::NeverBelow => "{above} får aldrig ligga under {below}, men de önskade priserna är {one} och {other}",
        Sentence::NeverBelowNet => {
            "{above} får aldrig ligga under {below}, men de önskade priserna är {one} och {other}, den ena utan moms"
        }
        Sentence::NotComparable => {
            "{above} får aldrig ligga under {below}, och de kan inte jämföras: den ena tar nettopriser och dess momssats är inte känd"
        }
        Sentence::NoAnswerInTime => "inget svar inom tidsgränsen",
        Sentence::NoAnswer => "inget svar: {why}",
        Sentence::NothingLeft => "marginal och avgifter lämnar inget kvar av priset: {why}",
        Sentence::CeilingBelowFloor => "kanalens tak {ceiling} är under dess golv {floor}",
        Sentence::NoRatesFor => "ingen växelkurs för {code}",
        Sentence::NoRatesBetween => "{from} är inte {to}, och det finns inga växelkurser",
        Sentence::NoRateOn => "ingen kurs för {code} den {day}",
        Sentence::RatesAwaited => "väntar på nyare växelkurser; de nyaste är från {day}",
        Sentence::NoVatRate => "ingen momssats för klassen {class} i {country} den {day}",
        Sentence::NothingCharged => "kanalens inställningar gör {price} av vårt pris",
        Sentence::MarketUnknown => "marknaden {market} finns inte i reglerna",
        Sentence::OtherSource => "marknaden {market} tar sina priser från {source}, och artikeln prissätts i {own}",
        Sentence::CampaignNotReady => {
            "kampanjen {name} börjar snart, och det går inte att skriva till {channels}; {follows}"
        }
        Sentence::CampaignUnready => "kampanjen {name} börjar snart, och det går inte att skriva till {channels}",
        Sentence::CampaignCancelled => "den ställs in enligt sin policy",
        Sentence::CampaignUnagreed => "ingen annan godkände kampanjen {name} före {until}; den ställs in",
        Sentence::CampaignDelayed => "starten skjuts upp på alla kanaler enligt dess policy",
        Sentence::CampaignPartly => "den börjar på de övriga enligt sin policy",
        Sentence::CampaignNotLive => "kampanjen {name} pågår, och dess priser är inte live: {list}",
        Sentence::CampaignStays => "kampanjen {name} är slut, och dess priser är fortfarande live: {list}",
        Sentence::OnChannel => "{n} på {channel}",
        Sentence::NoRule => "ingen regel väljer produkten",
        Sentence::Paused => "utskick är pausade",
        Sentence::FrozenUntil => "produkten är fryst till {until}",
        Sentence::NoFloor => "inget golv är beräknat",
        Sentence::Unverified => "kopplingen till produkten hos {competitor} är inte bekräftad",
        Sentence::CrawlDoubted => "den senaste läsningen av {competitor} är inte trovärdig",
        Sentence::BelowAbsolute => "{price} är under det absoluta minimumet {minimum}",
        Sentence::CostUnknown => "inköpspriset är okänt",
        Sentence::CostUnbelievable => "ett inköpspris på {cost} är inte trovärdigt",
        Sentence::CostJump => "inköpspriset gick från {cost_before} till {cost}; bekräfta importen",
        Sentence::NoFloorFollows => "inget golv följer av det nuvarande inköpspriset",
        Sentence::BelowCost => "{price} är under {floor}, det nuvarande inköpspriset med moms",
        Sentence::FarBelowFloor => "regeln ville ha {price}, långt under golvet {floor}",
        Sentence::FarAboveCeiling => "regeln ville ha {price}, långt över taket {ceiling}",
        Sentence::TurnedDown => "avvisat av {by}: {why}",
        Sentence::RestsOnUnknown => "höjningen vilar på {competitor}, vars lager inte är känt",
        Sentence::StockUnsure => "{competitor} har den kanske kvar, för {price}; lagret är inte säkert känt",
        Sentence::OneWitness => "en ändring på {change} vilar på en enda observation av en enda konkurrent",
        Sentence::Outlier => "{competitor}s pris {price} ligger långt från medianen {median} av {n} erbjudanden",
        Sentence::StepTooLarge => "en ändring på {change} i ett steg; tillåtet är −{down} till +{up}",
        Sentence::ChangesUsed => "redan {n} ändringar inom 24 timmar",
        Sentence::DayTooFar => "{change} inom 24 timmar; tillåtet är −{down} till +{up}",
        Sentence::OutsideCorridor => {
            "{price} ligger utanför {low} till {high}, bandet kring 30-dagarsmedianen {median}"
        }
        Sentence::AboveCeiling => "{price} är över {ceiling}, det absoluta taket",
        Sentence::SlippedPoint => "priset ser ut som ett förskjutet kommatecken",
        Sentence::SlippedVat => "ändringen är exakt momsen: netto och brutto kan vara förväxlade",
        Sentence::SlippedRate => "ändringen är exakt kursen för {code}: valutor kan vara förväxlade",
        Sentence::LockStep => "{n} ändringar besvarade varandra i samma riktning med {competitor} inom 48 timmar",
        Sentence::TurnsAgain => "priset skulle vända för gång nummer {n} inom 24 timmar",
        Sentence::NotWorthIt => "en ändring på {change} är inte värd besväret",
        Sentence::NeedsConsent => "en ändring på {change} kräver en människas samtycke",
        Sentence::StakeNeedsConsent => "{amount} på spel i lagret kräver en människas samtycke",
        Sentence::NeedsTwo => "en ändring på {change} kräver två personers samtycke",
        Sentence::StakeNeedsTwo => "{amount} på spel i lagret kräver två personers samtycke",
        Sentence::NewRule => {
            "regeln är ny eller ändrad och gäller hittills {share} av dess produkter, för den här produkten från {turn}"
        }
        Sentence::BelowOwnMinimum => "priset är under produktens eget minimum",
        Sentence::VatPassedOn => "momssatsen gick från {before} till {after} ({row}) och förs vidare",
        Sentence::BackToBefore => {
            "tiden för det satta priset är slut, och ingen regel vill ha ett annat; tillbaka till {price}"
        }
        Sentence::NothingAnnounced => "kampanjen annonserar ingenting",
        Sentence::FormerPrice => {
            "det tidigare priset gällde i {days} dagar, {share} av de senaste 90, senast för {last} sedan; erbjudandet varar {offer}"
        }
        Sentence::CampaignTooLong => "kampanjen är för lång",
        Sentence::IndividualExempt => "personlig rabatt, undantagen",
        Sentence::InsufficientHistory => "för kort prishistorik",
        Sentence::NewArrival => "ny produkt, räknat från säljstart",
        Sentence::NotAReduction => "ingen sänkning",
        Sentence::NotTheRegular => "inte det ordinarie priset",
        Sentence::OfferTooLong => "erbjudandet varar längre än riktlinjen",
        Sentence::OfferLongerThanPrice => "erbjudandet varar längre än det tidigare priset gällde",
        Sentence::Perishable => "färskvara, 14 dagar",
        Sentence::PerishableExempt => "färskvara, undantagen",
        Sentence::PerishableFirst => "färskvara, priset före första sänkningen",
        Sentence::PerishableWindow => "färskvara, egen period",
        Sentence::Progressive => "stegvis sänkning",
        Sentence::ProgressiveBroken => "stegvis sänkning, bruten",
        Sentence::ProgressiveUnknown => "stegvis sänkning finns inte i landet",
        Sentence::ReferenceOld => "det tidigare priset är för gammalt",
        Sentence::ReferenceShort => "det tidigare priset gällde för kort tid",
        Sentence::HintPages => "omniprice check visar utfallet för varje sida",
        Sentence::HintAging => {
            "priserna åldras och faller själva ur reglerna; omniprice competitor list säger varför, omniprice competitor retry {competitor} frågar igen"
        }
        Sentence::HintHistories => "omniprice explain {sku} visar båda förloppen; [guards.rivalry] avgör vad som görs",
        Sentence::HintProposals => "omniprice review visar förslagen; omniprice approve eller reject avgör dem",
        Sentence::HintRules => "omniprice check nämner varje fel i filen",
        Sentence::HintResume => {
            "titta på en sida med omniprice extract, sedan omniprice competitor resume {competitor} --why \"...\""
        }
        Sentence::HintAttempts => "omniprice explain {sku} visar varje försök",
        Sentence::HintOtherTool => "hitta det andra verktyget, eller sätt drift = \"alert\" i [channels.{channel}]",
        Sentence::HintDrift => {
            "omniprice verify {channel} --reassert skickar vårt pris igen, omniprice channel adopt {channel} gör det som visas till vårt; drift = \"reassert\" gör det första av sig självt"
        }
        Sentence::HintNetDecimals => {
            "sänk net_decimals i [channels.{channel}], eller låt butiken behålla fler; omniprice channel test {channel} tittar efter"
        }
        Sentence::HintCosts => {
            "omniprice import FILE med dagens inköpspriser; alerts.cost_stale_after säger hur gammalt som är för gammalt"
        }
        Sentence::HintVariant => {
            "omniprice extract \"{url}\" visar sidan; omniprice alert resolve säger att det ändå är vår produkt"
        }
        Sentence::HintAddress => {
            "rätta adressen, eller omniprice subscription remove {who}; omniprice subscription set {who} off=no börjar om"
        }
        Sentence::HintRates => "omniprice fx fetch försöker igen; omniprice fx import FILE tar en fil",
        Sentence::HintRatesAsk => "omniprice fx fetch frågar banken; omniprice fx import FILE tar en fil",
    }
}
