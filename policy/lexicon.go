package policy

import (
	"slices"
	"strings"
)

// The lexicon of B5. Targeting alone is no benefit: a benefit of which nothing
// is left once the words below are taken out says only that ads are fitted to
// a person. It is small on purpose. It refuses the phrases everybody uses and
// leaves the judgement of every other sentence to people.
var adWords = wordSet(`
	ad ads advert adverts advertisement advertisements advertising commercial commercials banner banners marketing promotion promotions promotional
	target targets targeted targeting relevant relevance personal personalised personalized personalisation personalization personally individual
	tailored tailor tailoring custom customised customized customisation customization adapted suited suit suits fit fits fitting fitted match matches
	matching matched interest interests interesting interested preference preferences taste tastes profile profiled behaviour behavior based better improved improve improving
	useful meaningful appropriate audience audiences segment experience content
	see sees seeing seen get gets getting receive receives show shows showing shown shows display displays displayed serve served serving deliver delivered find given give gives offer
	like likes liked want wants more most really actually only just care about matter matters follow
`)

var smallWords = wordSet(`
	a an the and or of to for in on at by with from as so that than then this these those it its is are be been being will would can may might could do does
	you your yours we our us ours they them their which what who whom where when how not no longer also even all any some such very instead rather there here up out
	ones one things thing into online web site sites website websites page pages browsing
`)

// Arabic words stand folded, without the article and without the one-letter
// words that are written onto them.
var adWordsArabic = wordSet(`
	اعلان اعلانات اعلاني اعلانيه اعلاناتنا دعايه دعايات دعائي دعائيه ترويج ترويجي ترويجيه تسويق تسويقي تسويقيه
	استهداف مستهدف مستهدفه مستهدفين موجه موجهه توجيه مناسب مناسبه تناسب تناسبك يناسب يناسبك مناسبا ملائم ملائمه ملاءمه ملايم ملايمه ملاءمتها تلائم تلائمك يلائم يلائمك تلايم تلايمك يلايم يلايمك
	مخصص مخصصه تخصيص مخصصا شخصي شخصيه شخصيا مصمم مصممه مفصل مفصله تتوافق يتوافق توافق متوافق متوافقه تطابق مطابق مطابقه تتناسب يتناسب
	اهتمام اهتمامات اهتماماتك اهتمامك تهم تهمك يهم يهمك مهم مهمه ذوق ذوقك اذواق تفضيل تفضيلات تفضيلاتك رغبات رغباتك ميول ميولك سلوك سلوكك صله ذات مفيد مفيده افضل احسن اكثر تجربه تجربتك محتوي
	تري تراه تراها ترون نري نعرض عرض تعرض يعرض معروض معروضه تظهر يظهر تشاهد مشاهده تصلك يصلك تتلقي تلقي تحصل حصول نقدم نقدمها تجد تتابع تحب تحبه تريد تريده حقا فقط
`)

var smallWordsArabic = wordSet(`
	في من الي علي عن مع ما ان او ثم كي لكي حتي هو هي هذا هذه ذلك تلك الذي التي الذين لك لكم لنا له لها اليك عليك منها منه فيها فيه عنها غير لا ليس بدلا بل قد كل بعض اي انت نحن كما مما بما حسب بحسب وفق وفقا بناء عبر موقع مواقع صفحه صفحات انترنت
`)

func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

// onlyTargeting reports whether a text speaks of fitting ads to a person and
// of nothing else.
func onlyTargeting(text string) bool {
	words := folded(text)
	return len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return !empty(w) })
}

// empty reports whether a word adds nothing to "ads that suit you".
func empty(w string) bool {
	if adWords[w] || smallWords[w] {
		return true
	}
	for _, stem := range stems(w) {
		if adWordsArabic[stem] || smallWordsArabic[stem] {
			return true
		}
	}
	return false
}

// stems gives a word as written and without what Arabic writes onto its front.
func stems(w string) []string {
	list := []string{w}
	for _, prefix := range []string{"و", "ف", "ب", "ل", "ك", "ال", "وال", "فال", "بال", "كال", "لل", "ولل", "وب", "ول"} {
		if rest, ok := strings.CutPrefix(w, prefix); ok && len([]rune(rest)) > 1 {
			list = append(list, rest)
		}
	}
	return list
}
