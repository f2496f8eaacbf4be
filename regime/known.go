package regime

// known is the closed list of regimes. A citation that runs from the left
// stands between isolates in a name that runs from the right.
var known = []Regime{
	named(Charter, "The Amana charter", "ميثاق أمانة"),
	named("us-me-9301", "Maine broadband customer privacy law (35-A M.R.S. §9301)", "قانون خصوصية عملاء النطاق العريض في ولاية مين (\u206635-A M.R.S. §9301\u2069)"),
	named("eu-gdpr", "EU General Data Protection Regulation (GDPR)", "اللائحة العامة لحماية البيانات في الاتحاد الأوروبي (GDPR)"),
	named("uk-gdpr-duaa", "UK GDPR and Data (Use and Access) Act 2025", "اللائحة العامة لحماية البيانات في المملكة المتحدة وقانون البيانات (الاستخدام والوصول) لعام 2025"),
	named("us-ca-ccpa", "California Consumer Privacy Act (CCPA)", "قانون خصوصية المستهلك في ولاية كاليفورنيا (CCPA)"),
	named("us-coppa", "US Children's Online Privacy Protection Act (COPPA)", "القانون الأمريكي لحماية خصوصية الأطفال على الإنترنت (COPPA)"),
	named("sa-pdpl", "Saudi Personal Data Protection Law", "نظام حماية البيانات الشخصية في المملكة العربية السعودية"),
	named("ae-pdpl", "UAE Personal Data Protection Law (Federal Decree-Law 45/2021)", "قانون حماية البيانات الشخصية في دولة الإمارات العربية المتحدة (مرسوم بقانون اتحادي رقم 45 لسنة 2021)"),
	named("eg-pdpl", "Egyptian Personal Data Protection Law (151/2020)", "قانون حماية البيانات الشخصية المصري (رقم 151 لسنة 2020)"),
	named("qa-13-2016", "Qatari Personal Data Privacy Protection Law (13/2016)", "قانون حماية خصوصية البيانات الشخصية في قطر (رقم 13 لسنة 2016)"),
	named("jo-24-2023", "Jordanian Personal Data Protection Law (24/2023)", "قانون حماية البيانات الشخصية الأردني (رقم 24 لسنة 2023)"),
	named("br-lgpd", "Brazilian General Data Protection Law (LGPD)", "القانون العام لحماية البيانات في البرازيل (LGPD)"),
	named("in-dpdp", "Indian Digital Personal Data Protection Act 2023", "القانون الهندي لحماية البيانات الشخصية الرقمية لعام 2023"),
	named("ca-qc-25", "Quebec Law 25", "القانون رقم 25 في مقاطعة كيبك"),
	named("ng-ndpa", "Nigeria Data Protection Act 2023", "قانون حماية البيانات في نيجيريا لعام 2023"),
	named("za-popia", "South African Protection of Personal Information Act (POPIA)", "قانون حماية المعلومات الشخصية في جنوب أفريقيا (POPIA)"),
	named("us-canspam", "US CAN-SPAM Act", "القانون الأمريكي للرسائل التجارية غير المرغوب فيها (CAN-SPAM)"),
	named("de-uwg-doi", "German unfair competition law (UWG) on double opt-in", "قانون مكافحة المنافسة غير المشروعة في ألمانيا (UWG) بشأن تأكيد الموافقة"),
}

func named(id, en, ar string) Regime {
	return Regime{ID: id, names: map[string]string{"en": en, "ar": ar}}
}
