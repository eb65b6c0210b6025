"""Stop words: the words that carry a sentence and say little about its subject, by language.

Written as :func:`index.analysis.words` gives them: casefolded, apostrophes separate ("l", "don"). Kept out:
"us", "will" and "may" in English, which are also the United States, a testament and a month.
"""

from __future__ import annotations

from types import MappingProxyType

_LISTS = {
    "en": "a about above after again against ain all also although am among an and any are aren as at be "
    "because been before being below between both but by can cannot could couldn d did didn do does doesn "
    "doing don done down during each either else ever few for from further had hadn has hasn have haven "
    "having he her here hers herself him himself his how i if in into is isn it its itself just ll m me "
    "mightn more most mustn my myself needn neither no nor not of off on once only or other our ours "
    "ourselves out over own re s same shall shan she should shouldn since so some such t than that the "
    "their theirs them themselves then there these they this those though through to too toward towards "
    "under until unto up upon ve very was wasn we were weren what whatever when where whereas whether "
    "which while who whom whose why with within without would wouldn you your yours yourself yourselves",
    "de": "aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes "
    "auch auf aus bei beim bin bis bist da dabei dadurch dafür dagegen daher damit danach dann daran "
    "darauf darin darüber das dass davon davor dazu dein deine deinem deinen deiner dem den denn der "
    "deren derer des dessen desto dich die dies diese dieselbe dieselben diesem diesen dieser dieses dir "
    "doch dort du durch eben ein eine einem einen einer eines einige einigem einigen einiger einiges er "
    "es etwa etwas euch euer eure eurem euren für gegen gewesen hab habe haben hat hatte hatten hier hin "
    "hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres im in indem ins ist ja jede jedem jeden "
    "jeder jedes jedoch jene jenem jenen jener jenes jetzt kann kein keine keinem keinen keiner keines "
    "können könnte man manche manchem manchen mancher mehr mein meine meinem meinen meiner mich mir mit "
    "muss musste müssen nach nachdem nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen "
    "seiner seines seit selbst sich sie sind so sobald solche solchem solchen solcher soll sollte sondern "
    "sonst soweit sowie über um und uns unser unsere unter viel viele vielen vom von vor während wann war "
    "waren warst warum was weil welche welchem welchen welcher welches wem wen wenn wer werde werden "
    "wessen wie wieder wieso will wir wird wirst wo wobei wodurch wofür woher wohin womit worden worin "
    "wurde wurden würde würden zu zum zur zwar zwischen",
    "fr": "à afin ai ainsi alors après as au aucun aucune aujourd auquel aussi autre autres aux "
    "auxquelles auxquels avaient avait avant avec avez avoir avons ayant c car ce ceci cela celle celles "
    "celui cependant ces cet cette ceux chaque chez ci comme comment contre d dans de depuis des dès donc "
    "dont du duquel durant elle elles en encore entre es est et étaient étais était étant été être eu eux "
    "fait furent fut hui il ils j je jusqu jusque l la laquelle le lequel les lesquelles lesquels leur "
    "leurs lors lorsque lui m ma mais me même mêmes mes moi moins mon n ne ni non nos notre nous on ont "
    "ou où par parce pas pendant peu peut plus plusieurs pour pourquoi près puis qu quand que quel quelle "
    "quelles quels qui quoi s sa sans se sera ses si soit son sont sous sur t ta tandis te tel telle "
    "telles tels tes toi ton tous tout toute toutes très trop tu un une vers vos votre vous y",
    "es": "a acerca además al algo alguna algunas alguno algunos ante antes aquel aquella aquellas "
    "aquello aquellos aquí así aún aunque cada casi como cómo con contra cual cuál cuales cuáles "
    "cualquier cuando cuándo cuánta cuántas cuánto cuántos de del desde donde dónde dos durante e el él "
    "ella ellas ello ellos en entre era eran eres es esa esas ese eso esos esta está estaba estaban están "
    "estar estas este esto estos fue fueron ha había habían haber han hasta hay la las le les lo los más "
    "me mediante mi mientras mis mismo mucho muy nada ni no nos nosotros nuestra nuestro o os otra otras "
    "otro otros para pero poco por porque pues que qué quien quién quienes quiénes se sea según ser si sí "
    "sido sin sino sobre son su sus también tan tanto te tenía ti tiene tienen todo todos tras tu tus un "
    "una unas uno unos usted y ya yo",
    "it": "a abbiamo ad agli ai al alcuna alcune alcuni alla alle allo altra altre altri altro anche "
    "ancora avere aveva avevano c che chi ci ciascuno cioè circa coi col come con contro cosa così cui d "
    "da dagli dai dal dall dalla dalle dallo degli dei del dell della delle dello di dopo dove dunque "
    "durante e ed è era erano essendo essere fa fino fra fu furono gli ha hanno ho i il in infatti "
    "inoltre invece io l la le lei li lo loro lui ma me mediante mentre mi mia mio molto ne né negli nei "
    "nel nell nella nelle nello no noi non nostra nostro o ogni oltre oppure per perché però più poi "
    "poiché presso prima proprio qual quale quali quando quanta quante quanti quanto quel quella quelle "
    "quelli quello quest questa queste questi questo qui quindi s se sé sei senza si sia siano sono sotto "
    "sta stata state stati stato su sua sue sugli sui sul sull sulla sulle suo suoi tale tali tra tu "
    "tutta tutte tutti tutto un una uno verso vi viene voi",
    "pt": "a à acerca ainda além algo alguma algumas algum alguns ante antes ao aos apenas após aquela "
    "aquelas aquele aqueles aquilo as às assim até bem cada com como conforme contra cujo cuja da das de "
    "dela delas dele deles depois desde dessa desse desta deste do dos durante e é ela elas ele eles em "
    "embora enquanto então entre era eram essa essas esse esses esta está estão estas estava este estes "
    "eu foi foram há isso isto já la lhe lhes lo logo mais mas me mediante meio menos mesma mesmo meu "
    "minha muito na nas não nem nessa nesse nesta neste no nos nós nossa nosso num numa o onde os ou "
    "outra outras outro outros para pela pelas pelo pelos per perante pode pois por porém porque porquê "
    "portanto quais qual quando quanta quantas quanto quantos que quê quem se seja sem sempre sendo ser "
    "será seu seus si sido sob sobre sua suas são também tampouco te tem têm ter tinha tinham toda todas "
    "todo todos tu um uma umas uns você vocês",
    "nl": "aan af al alle alles als altijd andere ben bij bijvoorbeeld binnen daar daardoor dan dat de "
    "den der deze die dit doch doen door dus echter een eens en enkele er ervan even geen geweest haar "
    "had hadden heb hebben heeft hem hen het hier hij hoe hoeveel hun iedere iemand iets ik in indien is "
    "ja je kan kon kunnen maar me meer men met mij mijn moet moeten na naar niet niets nog nu of om omdat "
    "ondanks onder ons onze ook op over reeds s sinds slechts te tegen tijdens toch toen tot tussen u uit "
    "uw van vanaf vanuit veel via vol volgens voor voordat waar waarin waarom waarop wanneer want waren "
    "was wat we welk welke werd werden wie wij wil worden wordt zal ze zelf zich zij zijn zo zoals zonder "
    "zou zouden zowel",
    "sv": "alla allt än är år att av blev bli blir då där de dem den denna deras dess dessa det detta dig "
    "din dina du efter eller en er ett från för före genom ha hade han hans har här hennes hon honom hur "
    "i icke in inte jag ju kan kunde med mellan men mig min mina mot mycket när ni något några nu och om "
    "oss över på så sådan samma samt sedan sig sin sina sitt ska skulle som till under upp ut utan vad "
    "var vara varför varit varje vars vem vi vid vilka vilken vilket vill",
    "da": "ad af alle alt anden at blev blive bliver da de dem den denne der deres det dette dig din "
    "disse dog du efter eller en end er et få for fra før gennem ham han hans har havde hende hendes her "
    "hos hun hvad hvem hver hvilke hvilken hvilket hvis hvor hvordan hvorfor hvornår i ikke ind jeg jo "
    "kan kunne man mange med meget mellem men mere mig min mod når ned noget nogen nogle nu og også om op "
    "os over på selv sig sin skal skulle som sådan til ud under var ved vi vil ville være været",
    "no": "alle at av bare ble bli blir både da de dem den denne der deres det dette disse du eller en "
    "enn er et etter ett få for fordi fra før gjennom ha hadde ham han hans har hennes her hos hun hva "
    "hvem hver hvilke hvilken hvilket hvis hvor hvordan hvorfor i ikke inn jeg kan kunne man mange med "
    "meg mellom men mer mot når noe noen og også om opp oss over på samme seg selv sin sine skal skulle "
    "slik som så til under ut var ved vi vil ville være vært",
    "fi": "ei eivät eli emme en enemmän ennen että he hän häneen hänen heidän ja jo jonka joka joko jolla "
    "jos jossa jota jotka jotta kaikki kanssa keitä kenen koska kuin kuinka kuka kun kuten kutsutaan "
    "luona me mikä milloin miksi millainen minkä minä missä mistä mitä mitkä mukaan mutta muun muut myös "
    "ne niiden niin niitä noin nyt oli olivat ollut olla olisi on ovat pitkin samoin sekä se sen siinä "
    "siis siitä sinä sitä sillä tai te tämä tämän tässä tätä tuo vaan vai vaikka vain voi voidaan vuoksi "
    "yli",
    "pl": "aby ale ani aż bardzo bez bo był była było były być by choć co czy czyli dla do gdy gdyż gdzie "
    "i ich ile im inne iż ja jak jako jakie jaki jaka je jeden jednak jego jej jest jeszcze jeśli już "
    "kiedy kim kto która które którego której który których którym którzy lub ma mają między mimo może "
    "można mu na nad nam nas nawet nich nie niego niej niż o od ona one oni oraz po pod podczas ponieważ "
    "poza przed przez przy się są sobie swoje ta tak także tam te tego tej ten też to tu tych tylko tym u "
    "w we wszystkie z za ze został została że",
    "cs": "aby ale ani asi až bez bude budou by byl byla byli bylo byly být co což či další dále do i jak "
    "jaká jaké jaký jako je jeho její jejich jen ještě již jsem jsme jsou kde kdo kdy když která které "
    "kterou který kteří mezi mnoho může na nad nebo než není ne o od pak po pod podle pokud pouze pro "
    "proč proto protože před přes při s se si svůj své ta tak také tato ten této toho tomto to tohoto u "
    "už v ve však z za ze že",
    "hu": "a az és abban ahol ahogy aki akik akkor ami amely amelyek amelyet amíg annak arra azok azon "
    "azonban azt be bár belül csak de e egy egyes egyik egész ehhez ekkor el elég ellen elő először előtt "
    "én ennek erre ez ezek ezen ezért ezt fel felé ha hanem hány hogy hogyan hol honnan is itt jól ki kik "
    "kell kívül le legyen lehet lesz lett majd meg mely melyik melyek mert mi miért mikor milyen mind "
    "mint mivel most még míg már más nagyon ne nem nincs olyan ő ők össze pedig sem sok szerint számára "
    "több után utána vagy valamint van vannak vele viszont volt voltak között által",
    "ro": "acea aceasta această aceea acei aceia acel acela acelea acest acesta aceste acestea acestor "
    "acestui aceștia ai al ale alt alte alta am apoi ar are as asupra atunci au avea avut ca că când care "
    "câte câți cât ce cel cea cei cele chiar ci cine cu cui cum dar dat de deci din dintre după ea ei el "
    "ele era erau este eu fără fi fie fiind fost iar în încă înainte între într însă îl îi îşi își la le "
    "li lor lui mai mult ne nici noastră nu o ori pe pentru până prin printre sa să sale sau său se și şi "
    "spre sub sunt te toate tot toți totuși un una unde unei unor unui va vor",
    "tr": "acaba ama ancak arasında aynı bana bazı belki ben beni bir biri birçok bu buna bunda bundan "
    "bunlar bunu bunun burada çok çünkü da daha dahi de defa değil diğer diye dolayı en fakat gibi göre "
    "hangi hangisi hem hep hepsi her herhangi hiç için ile ilgili ise itibaren kadar karşı kendi kendisi "
    "ki kim kimin mı mi mu mü nasıl ne neden nedir nerede nereye niçin o olan olarak oldu olduğu olduğunu "
    "olmak olması olur on ona onlar onu onun oysa öyle rağmen sadece sonra şey şu tarafından tüm üzere "
    "var ve veya ya yani yapılan yer yine yok",
    "id": "ada adalah agar akan antara apa apakah atas atau bagaimana bagi bahwa banyak belum berapa bisa "
    "bukan dalam dan dapat dari daripada dengan di dia harus hanya ini itu jika juga kapan karena ke "
    "kepada ketika kita lain lebih maka mana masih mengapa menjadi mereka namun oleh pada para saat saja "
    "sampai sangat sebagai sebelum sebuah secara sedangkan sehingga sejak selama seperti serta setelah "
    "siapa suatu sudah telah tentang terhadap tetapi tidak untuk yaitu yang",
    "ca": "a abans això al als algun alguna alguns amb aquell aquella aquelles aquells aquest aquesta "
    "aquestes aquests així bé cada com contra d da de del dels des després dins doncs durant e el ell "
    "ella ells els em en encara entre era eren és es està estan et fins fou ha han havia hi i ja l la les "
    "li ll llavors lo m malgrat més mentre molt n ni no nosaltres o on per però perquè poc pot què qual "
    "quals quan quant que qui s sa se segons sense ser seu seva seus sobre són sota també tan tant tot "
    "tots totes un una unes uns va van",
    "ru": "а без более больше бы был была были было быть в вам вами вас ваш во вот все всё всего всех вы "
    "где да даже для до его ее её если есть еще ещё же за здесь и из или им ими их к как какая какие "
    "каких какого каким какой какое какую когда кого ко кто который которая которое которого которой "
    "которые которых куда ли либо между меня мне много может можно мой мы на над надо нам нас наш не него "
    "нее неё ней нем нём нет ни них но ну о об один однако он она они оно от откуда очень перед по под "
    "после потому почему при про с сам своего своей свои своих свой себя сколько со стал стала стали так "
    "также такая такие такой там тебя тем то тогда того тоже той только том тот ту ты у уж уже чего чей "
    "чем через что чтобы эта эти этих это этого этой этом этот эту я является",
    "uk": "а або але без більше був була були було бути в вже від вона вони воно все всі де для до є за з "
    "зі із і й її його їх як яка яке який які якого якої яких коли кого ким хто крім лише між може можна "
    "на над не них ні но однак ось о об під після по при про та так також там те ти то той тому тільки у "
    "це цей ці цього чи чим чому що щоб я",
    "bg": "а ако ала без беше би бил била били било бъде в вече във все всички върху где го да дали до "
    "докато друг един една едно е за заради защо и из или им има й как каква какво какви какъв като кога "
    "когато кого които кой която колко към къде ли ме между много може му на над най не него нея ни но "
    "обаче от още по под поради след само са се си сред срещу със с също така такъв там те тези то това "
    "този тя тях ти той у че чрез ще",
    "el": "α αλλά αν ανά από αυτά αυτές αυτή αυτής αυτό αυτοί αυτός αυτού αυτών για γιατί δεν δε δια "
    "είναι είχαν είχε εκεί ένα έναν ένας ενός ενώ επί επίσης έχει έχουν η ή ήδη ήταν θα και καθώς κάθε "
    "κάποια κάποιο κατά κι λόγω μας με μέσα μεταξύ μετά μέχρι μη μην μια μία μιας μόνο μου να ο οι όλα "
    "όμως όπου όπως όταν ότι ού όχι παρά περί πια ποια ποιά ποιες ποιο ποιοι ποιος ποιός πολύ που πού "
    "πριν προς πόσα πόσο πόσοι πότε πως πώς σαν σας σε στα στη στην στις στο στον στους σου συν τα τη την "
    "της τι τί τις το τον του τους των ως ωστόσο",
    "ar": "أحد إذ إذا أكثر إلا التي الذي الذين اللتان اللذان إلى أم أما أن إن أنا أنت أنه إنه إنها أنها "
    "أو أي أين أية أيضا أيها بأن بسبب بعد بعض بل بما بن به بها بين تحت تلك تم ثم جدا حتى حول حيث "
    "حين خلال دون ذلك رغم سوف على عليه عليها عما عن عند عندما عنه عنها غير فإن فقد فقط في فيما فيه فيها "
    "قبل قد كان كانت كانوا كل كلا كم كما كي كيف لا لأن لذلك لدى لقد لكن لم لما لماذا لن له لها لهم لهذا "
    "لو ليس ليست ما ماذا متى مثل مع مما من منذ منه منها مهما نحن نحو نفس هؤلاء هذا هذه هل هم هن هنا هناك "
    "هو هي و وقد وكان وكانت ولا ولم وما ومن وهذا وهذه وهو وهي وفي وعلى وأن يا يكون يتم",
    "fa": "آن آنها آیا از است اگر اما او این اینکه با باید بر برای بود بودند بوده بسیار به بین پس پیش تا "
    "چرا چند چه چون چگونه چیست خود خواهد در دارد دارند داشت دیگر را روی شد شده شود شدند شوند کجا کرد "
    "کردند کرده کند کنند که کدام کسی کی گفت ما مانند مورد می نیز نیست ها های هایی هر هم همه هیچ و ولی وی "
    "یا یک یکی",
    "hi": "अगर अपना अपनी अपने अब आदि आप इन इस इसका इसकी इसके इसमें इसी इसे उन उनका उनकी उनके उन्हें "
    "उन्होंने उस उसका उसकी उसके उसने उसे एक एवं ऐसा ऐसे और कब कई कर करता करते करना करने कहाँ कहा का कि "
    "कितना कितनी कितने किया किस किसी किसे की कुछ के कैसे को कोई कौन कौनसा क्या क्यों गई गए गया चाहिए जब "
    "जहाँ जा जाता जाती जाते जाने जिस जिसका जिसके जिसे जैसे जो तक तथा तब तो था थी थे दिया दो द्वारा न नहीं "
    "ने पर परन्तु पहले पास बहुत बाद भी मगर मुझे में मैं यदि यह यहाँ या ये रहा रही रहे लिए लेकिन व वह वहाँ "
    "वाला वाली वाले वे साथ से सकता सकते सभी हम हमारे ही हुआ हुई हुए है हैं हो होता होती होते होना",
    # Bigrams, as the analysis cuts these scripts: questions first, then what only joins.
    "zh": "什么 么是 什麼 麼是 多少 哪个 哪個 哪些 哪里 哪裡 哪儿 哪一 谁是 誰是 是谁 是誰 为什 為什 为何 "
    "為何 如何 怎么 怎麼 怎样 怎樣 何时 何時 时候 時候 么时 麼時 几个 幾個 是否 吗 嗎 呢 的 了 是 在 和 "
    "与 與 及 或 这个 這個 那个 那個 这些 這些 那些 他们 他們 我们 我們 它们 它們 以及 因为 因為 所以 "
    "但是 如果 可以 一个 一個 没有 沒有 有的 的是 是在 是什 叫什 谁 誰 有多",
    "ja": "です ます した から まで とは では には のは のが のを のに との への より こと "
    "もの これ それ あれ この その あの どの どこ だれ いつ なに なぜ どう いく くつ "
    "つか 何で でし たか すか であ ある する して され れる れた てい いる いた いま "
    "ませ せん あっ った って また およ よび など ため よう うな うに とし とい いう "
    "うか しま まし しょ は が を に で と も の へ や か た",
    "ko": "입니 니다 습니 이다 한다 는다 에서 에게 으로 부터 까지 하는 하고 있는 있다 무엇 "
    "엇입 언제 어디 누구 어느 어떤 떻게 어떻 얼마 마나 몇 왜 그리 리고 그러 러나 또는 "
    "것은 것이 것을 니까 는 은 이 가 을 를 의 에 와 과 도",
}

STOP_WORDS = MappingProxyType(
    {language: frozenset(spelled.casefold().split()) for language, spelled in _LISTS.items()}
)
"""Stop words by ISO 639-1 code."""
