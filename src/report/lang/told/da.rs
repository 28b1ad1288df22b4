//! The program's sentences in Danish.

use crate::sentence::Sentence;

/// The form of a sentence, with `{name}` where values stand.
pub const fn form(sentence: Sentence) -> &'static str {
    match sentence {
        Sentence::FloorShown => "{channel} viser {price}, under bundprisen {floor} efter dagens kostpris",
        Sentence::AdvertLower => {
            "{advert} lover en lavere pris end {checkout} tager, antal varer: {n}, blandt andre {sku}"
        }
        Sentence::PricesWait => "{channel}: ventende priser: {n}, den ældste siden {since}",
        Sentence::OfWholeChannel => "af alle varer i kanalen: {what}",
        Sentence::MailRefused => "mails til {who} bliver afvist: {why}",
        Sentence::OrderBroken => "{above} må aldrig være under {below} og er det; antal varer: {n}, blandt andre {sku}",
        Sentence::CostsOld => "kostpriser ældre end {span}: {n}, den ældste er for {sku}, fra {since}",
        Sentence::OtherVariant => {
            "{competitor} tager {theirs}, hvor vi tager {ours}, langt fra hinanden siden {since}: sandsynligvis en anden variant; {url} tæller ikke med"
        }
        Sentence::KeyItem => "{competitor} tager {theirs}, vi tager {ours}: {gap} mere",
        Sentence::NotLive => "{channel}: {n} af {all} priser er ikke live efter {span}",
        Sentence::NothingSince => "ingen konkurrents side har givet en pris siden {since}",
        Sentence::CutsInARow => "{n} nedsættelser på stribe mellem os og {competitor}, vores pris er faldet {fell}",
        Sentence::WarWith => "priskrig med {competitor}: {n} nedsættelser på skift, vores pris er faldet {fell}",
        Sentence::Reactions => "vores og {competitor}s reaktioner giver {factor} pr. runde",
        Sentence::FlipFlop => "vores pris er {n} gange på et døgn vendt tilbage til den forrige",
        Sentence::OwnRise => "vores pris ville være steget {rise} inden for {span}, uden at kostprisen har ændret sig",
        Sentence::FrozenAfter => "{why}; fastfrosset til {until}",
        Sentence::Suspended => {
            "{competitor} er sat ud af spillet: {why}; de sidste troværdige priser tæller, til de er for gamle"
        }
        Sentence::SuspectPrices => "{n} af {all} priser er mistænkelige",
        Sentence::OnePrice => "{n} af {all} sider viser samme pris",
        Sentence::MassSoldOut => "{n} af {all} varer er udsolgt på én gang",
        Sentence::HostSilent => "{host} giver os ingen sider ({n} gange); vi lader den være til {until}",
        Sentence::RunTooMany => "kørslen holdes: {n} af {all} varer ville skifte pris",
        Sentence::RunAverage => "kørslen holdes: ændringen er i snit {change}",
        Sentence::RunFar => "kørslen holdes: antal varer med stor ændring: {n}",
        Sentence::RunOnePrice => "kørslen holdes: {n} varer med forskellige priser ville alle koste {price}",
        Sentence::RunManyHeld => "kørslen holdes: {n} forslag blev holdt enkeltvis",
        Sentence::RulesBroken => "regelfilen kan ikke bruges, de gamle regler gælder fortsat: {why}",
        Sentence::RatesStale => {
            "valutakurserne er forældede: de nyeste er fra {day}; beslutninger, der kræver dem, holdes"
        }
        Sentence::RatesExpired => {
            "valutakurserne er udløbet: de nyeste er fra {day}; beslutninger, der kræver dem, holdes"
        }
        Sentence::RatesMissing => {
            "der er ingen valutakurser, og noget kræver dem; beslutninger, der kræver dem, holdes"
        }
        Sentence::RatesFailed => "valutakurserne kunne ikke hentes: {why}",
        Sentence::RobotsIgnored => "robots.txt følges ikke: {why}",
        Sentence::ForMembers => "priserne på {channels} er kun for medlemmer",
        Sentence::SeenByAll => {
            "reglerne forbeholder kanalen for medlemmer, men dens type viser priser til alle: fjern audience = \"loyalty\" fra dens [[channel]]"
        }
        Sentence::ChannelStops => "{channel} er stoppet: {why}",
        Sentence::MovesAtOnce => "{n} af {all} priser ville skifte på én gang ({share})",
        Sentence::MovesFar => "{n} priser ville flytte sig {mean} i snit",
        Sentence::NotSent => "ikke sendt til {channel}: {why}",
        Sentence::TakesNone => "{channel} tager ikke imod priser: {why}",
        Sentence::ChannelRedirects => "kanalen viderestiller ({status}); angiv dens endelige adresse",
        Sentence::WrongCredentials => "kanalen afviser adgangsoplysningerne ({status})",
        Sentence::ChannelForbids => "kanalen forbyder det ({status})",
        Sentence::ChannelForbidsSaying => "kanalen forbyder det ({status}): {words}",
        Sentence::ChannelAnswered => "kanalen svarede {status}",
        Sentence::ChannelAnsweredSaying => "kanalen svarede {status}: {words}",
        Sentence::NotShown => "{channel} viser ikke prisen: {why}",
        Sentence::Rejects => "{channel} afviser prisen: {why}",
        Sentence::KeepsChanging => "en anden bliver ved med at ændre prisen på {channel}: den viser {shown}",
        Sentence::ShowsInstead => "{channel} viser {shown}, hvor {proved} var bekræftet",
        Sentence::ShowsForListing => "{channel} viser {shown} for {external}",
        Sentence::NotCompared => "{channel} blev ikke sammenlignet til ende: {why}",
        Sentence::NotReadable => "{n} af {all} varer i {channel} kan ikke læses, så ingen ser, hvad de viser: {why}",
        Sentence::LeftToNext => "kanalen forbyder flere varer, end ét gennemløb finder; overladt til det næste: {n}",
        Sentence::ShownInstead => "viser {shown}, hvor {proved} var bekræftet",
        Sentence::Shown => "viser {shown}",
        Sentence::Nothing => "intet",
        Sentence::OnlyAcknowledged => "modtaget; denne kanal kan ikke læses tilbage",
        Sentence::NeitherReadNorSent => "{why}; den kan hverken læses tilbage eller sendes igen",
        Sentence::CutOff => "en afsendelse blev afbrudt",
        Sentence::NeverShown => "opgivet efter {n} forsøg, hvis udfald kanalen aldrig viste",
        Sentence::GivenUp => "opgivet efter {n} forsøg: {why}",
        Sentence::NoListing => "kanalen har ikke denne vare",
        Sentence::ForbidsThisOne => "kanalen tager imod andre og forbyder denne: {why}",
        Sentence::NotArrived => "forsendelsen nåede ikke frem",
        Sentence::SentAgain => "modtaget, men ikke vist; sendt igen",
        Sentence::OnlySays => "kanalen siger ja og ændrer intet ({n} gange)",
        Sentence::KeepsFewer => {
            "kanalen beholder {shown}, hvor {sent} blev sendt; dens priser har altså færre decimaler; {hint}"
        }
        Sentence::TooFine => {
            "{price} har flere decimaler end de {decimals}, som kanalen tager; den beregnes straks på ny"
        }
        Sentence::Unreadable => "kan ikke læses: {why}",
        Sentence::OtherCurrency => "kanalen viser {shown} i stedet for {expected}",
        Sentence::UpdatesUsed => "{channel} tager {cap} opdateringer af en vare på 24 timer, og {used} er brugt",
        Sentence::StrayPush => "venter, til en tidligere forsendelse ikke længere kan slå igennem",
        Sentence::PushesPaused => "udsendelse er sat på pause: {why}",
        Sentence::NoPriceWanted => "der er ingen ønsket pris",
        Sentence::NoFloorNoPrice => {
            "ingen bundpris: varen har hverken kostpris eller minimum, så ingen pris går ud af sig selv"
        }
        Sentence::ChannelInShadow => "kanalen er i skyggetilstand: dens pris besluttes og sendes ikke",
        Sentence::StrikeByOthers => "den overstreger {shown}, som ingen har besluttet",
        Sentence::StrikeChanged => "den overstreger {shown} i stedet for vores pris",
        Sentence::StrikeGone => "den overstreger ikke længere vores pris",
        Sentence::BelowTodaysFloor => "{price} er under bundprisen {floor} efter dagens kostpris",
        Sentence::BelowFloorAtDoor => "{price} for {external} er under bundprisen {floor}",
        Sentence::WaitsForChannel => "venter på, at {channel} er bekræftet først",
        Sentence::NeverBelow => "{above} må aldrig være under {below}, men de ønskede priser er {one} og {other}",
        Sentence::NeverBelowNet => {
            "{above} må aldrig være under {below}, men de ønskede priser er {one} og {other}, den ene uden moms"
        }
        Sentence::NotComparable => {
            "{above} må aldrig være under {below}, og de kan ikke sammenlignes: den ene tager nettopriser, og dens momssats er ikke kendt"
        }
        Sentence::NoAnswerInTime => "intet svar inden for fristen",
        Sentence::NoAnswer => "intet svar: {why}",
        Sentence::NothingLeft => "avance og gebyrer lader intet tilbage af prisen: {why}",
        Sentence::CeilingBelowFloor => "kanalens loft {ceiling} er under dens bundpris {floor}",
        Sentence::NoRatesFor => "ingen valutakurs for {code}",
        Sentence::NoRatesBetween => "{from} er ikke {to}, og der er ingen valutakurser",
        Sentence::NoRateOn => "ingen kurs for {code} den {day}",
        Sentence::RatesAwaited => "venter på nyere valutakurser; de nyeste er fra {day}",
        Sentence::NoVatRate => "ingen momssats for klassen {class} i {country} den {day}",
        Sentence::NothingCharged => "kanalens indstillinger gør {price} ud af vores pris",
        Sentence::MarketUnknown => "markedet {market} står ikke i reglerne",
        Sentence::OtherSource => "markedet {market} overtager priser fra {source}, og varen prissættes i {own}",
        Sentence::CampaignNotReady => {
            "kampagnen {name} begynder snart, og der kan ikke skrives til {channels}; {follows}"
        }
        Sentence::CampaignUnready => "kampagnen {name} begynder snart, og der kan ikke skrives til {channels}",
        Sentence::CampaignCancelled => "den aflyses efter sin politik",
        Sentence::CampaignUnagreed => "ingen anden godkendte kampagnen {name} inden {until}; den er aflyst",
        Sentence::CampaignDelayed => "dens start udskydes på alle kanaler efter dens politik",
        Sentence::CampaignPartly => "den begynder på de øvrige efter sin politik",
        Sentence::CampaignNotLive => "kampagnen {name} kører, og dens priser er ikke live: {list}",
        Sentence::CampaignStays => "kampagnen {name} er slut, og dens priser er stadig live: {list}",
        Sentence::OnChannel => "{n} på {channel}",
        Sentence::NoRule => "ingen regel vælger varen",
        Sentence::Paused => "udsendelse er sat på pause",
        Sentence::FrozenUntil => "varen er fastfrosset til {until}",
        Sentence::NoFloor => "der er ikke beregnet en bundpris",
        Sentence::Unverified => "koblingen til varen hos {competitor} er ikke bekræftet",
        Sentence::CrawlDoubted => "den seneste læsning af {competitor} er ikke troværdig",
        Sentence::BelowAbsolute => "{price} er under det absolutte minimum {minimum}",
        Sentence::CostUnknown => "kostprisen kendes ikke",
        Sentence::CostUnbelievable => "en kostpris på {cost} er ikke troværdig",
        Sentence::CostJump => "kostprisen gik fra {cost_before} til {cost}; bekræft importen",
        Sentence::NoFloorFollows => "der følger ingen bundpris af den nuværende kostpris",
        Sentence::BelowCost => "{price} er under {floor}, den nuværende kostpris med moms",
        Sentence::FarBelowFloor => "reglen ville have {price}, langt under bundprisen {floor}",
        Sentence::FarAboveCeiling => "reglen ville have {price}, langt over loftet {ceiling}",
        Sentence::TurnedDown => "afvist af {by}: {why}",
        Sentence::RestsOnUnknown => "stigningen hviler på {competitor}, hvis lager ikke kendes",
        Sentence::StockUnsure => "{competitor} har den måske endnu, til {price}; lageret kendes ikke sikkert",
        Sentence::OneWitness => "en ændring på {change} bygger på en enkelt observation af en enkelt konkurrent",
        Sentence::Outlier => "{competitor}s pris {price} ligger langt fra medianen {median} af {n} tilbud",
        Sentence::StepTooLarge => "en ændring på {change} i ét skridt; tilladt er -{down} til +{up}",
        Sentence::ChangesUsed => "allerede {n} ændringer inden for 24 timer",
        Sentence::DayTooFar => "{change} inden for 24 timer; tilladt er -{down} til +{up}",
        Sentence::OutsideCorridor => "{price} ligger uden for {low} til {high}, båndet om 30-dages-medianen {median}",
        Sentence::AboveCeiling => "{price} er over {ceiling}, det absolutte loft",
        Sentence::SlippedPoint => "prisen ligner et forskudt komma",
        Sentence::SlippedVat => "ændringen er præcis momsen: netto og brutto kan være forvekslet",
        Sentence::SlippedRate => "ændringen er præcis kursen på {code}: valutaer kan være forvekslet",
        Sentence::LockStep => "{n} ændringer besvarede hinanden i samme retning med {competitor} inden for 48 timer",
        Sentence::TurnsAgain => "prisen ville skifte retning for {n}. gang inden for 24 timer",
        Sentence::NotWorthIt => "en ændring på {change} er ikke umagen værd",
        Sentence::NeedsConsent => "en ændring på {change} kræver et menneskes samtykke",
        Sentence::StakeNeedsConsent => "{amount} på spil i lageret kræver et menneskes samtykke",
        Sentence::NeedsTwo => "en ændring på {change} kræver to personers samtykke",
        Sentence::StakeNeedsTwo => "{amount} på spil i lageret kræver to personers samtykke",
        Sentence::NewRule => {
            "reglen er ny eller ændret og gælder indtil nu {share} af dens varer, for denne vare fra {turn}"
        }
        Sentence::BelowOwnMinimum => "prisen er under varens eget minimum",
        Sentence::VatPassedOn => "momssatsen gik fra {before} til {after} ({row}) og lægges på prisen",
        Sentence::BackToBefore => {
            "tiden for den fastsatte pris er ovre, og ingen regel ønsker en anden; tilbage til {price}"
        }
        Sentence::NothingAnnounced => "kampagnen annoncerer ingenting",
        Sentence::FormerPrice => {
            "førprisen gjaldt i {days} dage, {share} af de sidste 90, senest for {last} siden; tilbuddet varer {offer}"
        }
        Sentence::CampaignTooLong => "kampagnen er for lang",
        Sentence::IndividualExempt => "personlig rabat, undtaget",
        Sentence::InsufficientHistory => "for kort prishistorik",
        Sentence::NewArrival => "ny vare, regnet fra salgsstart",
        Sentence::NotAReduction => "ingen nedsættelse",
        Sentence::NotTheRegular => "ikke den almindelige pris",
        Sentence::OfferTooLong => "tilbuddet varer længere end retningslinjen",
        Sentence::OfferLongerThanPrice => "tilbuddet varer længere end førprisen gjaldt",
        Sentence::Perishable => "letfordærvelig, 14 dage",
        Sentence::PerishableExempt => "letfordærvelig, undtaget",
        Sentence::PerishableFirst => "letfordærvelig, prisen før første nedsættelse",
        Sentence::PerishableWindow => "letfordærvelig, egen periode",
        Sentence::Progressive => "trinvis nedsættelse",
        Sentence::ProgressiveBroken => "trinvis nedsættelse, afbrudt",
        Sentence::ProgressiveUnknown => "trinvis nedsættelse findes ikke i landet",
        Sentence::ReferenceOld => "førprisen er for gammel",
        Sentence::ReferenceShort => "førprisen gjaldt for kort tid",
        Sentence::HintPages => "omniprice check viser udfaldet for hver side",
        Sentence::HintAging => {
            "priserne ældes og falder selv ud af reglerne; omniprice competitor list siger hvorfor, omniprice competitor retry {competitor} spørger igen"
        }
        Sentence::HintHistories => {
            "omniprice explain {sku} viser begge forløb; [guards.rivalry] bestemmer, hvad der sker"
        }
        Sentence::HintProposals => "omniprice review viser forslagene; omniprice approve eller reject afgør dem",
        Sentence::HintRules => "omniprice check nævner hver fejl i filen",
        Sentence::HintResume => {
            "se på en side med omniprice extract, derefter omniprice competitor resume {competitor} --why \"...\""
        }
        Sentence::HintAttempts => "omniprice explain {sku} viser hvert forsøg",
        Sentence::HintOtherTool => "find det andet værktøj, eller sæt drift = \"alert\" i [channels.{channel}]",
        Sentence::HintDrift => {
            "omniprice verify {channel} --reassert sender vores pris igen, omniprice channel adopt {channel} gør den viste til vores; drift = \"reassert\" gør det første af sig selv"
        }
        Sentence::HintNetDecimals => {
            "sænk net_decimals i [channels.{channel}], eller lad butikken beholde flere; omniprice channel test {channel} ser efter"
        }
        Sentence::HintCosts => {
            "omniprice import FILE med dagens kostpriser; alerts.cost_stale_after siger, hvor gammelt er for gammelt"
        }
        Sentence::HintVariant => {
            "omniprice extract \"{url}\" viser siden; omniprice alert resolve siger, at det alligevel er vores vare"
        }
        Sentence::HintAddress => {
            "ret adressen, eller omniprice subscription remove {who}; omniprice subscription set {who} off=no begynder forfra"
        }
        Sentence::HintRates => "omniprice fx fetch prøver igen; omniprice fx import FILE tager en fil",
        Sentence::HintRatesAsk => "omniprice fx fetch spørger banken; omniprice fx import FILE tager en fil",
    }
}
