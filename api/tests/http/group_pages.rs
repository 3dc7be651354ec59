//! The dialect *groups*, as people at a browser see it.

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode};

use crate::dialects::form;
use crate::world::{Database, World};

/// A browser: asks for HTML, names the origin of its forms, follows nothing by itself.
struct Browser<'a> {
    world: &'a World,
    client: reqwest::Client,
    cookie: String,
    origin: String,
}

struct Page {
    status: StatusCode,
    headers: HeaderMap,
    html: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    fn leads_to(&self, path: &str) {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.html);
        assert_eq!(self.header("location"), path);
    }

    /// A page of this status that holds these texts.
    #[track_caller]
    fn shows(&self, status: u16, texts: &[&str]) {
        assert_eq!(self.status.as_u16(), status, "{}", self.html);
        assert!(self.header("content-type").starts_with("text/html"));
        assert!(
            self.header("content-security-policy")
                .starts_with("default-src 'none'")
        );
        assert!(self.html.contains(r#"<html lang="fa" dir="rtl">"#));
        // A page leads to the client by the one script; what went wrong is told where it went wrong.
        let scripts = self.html.matches("<script").count();
        let enters = self.html.matches(r#"<script src="/chat/enter.js""#).count();
        assert_eq!(
            (scripts, enters),
            if status == 200 { (1, 1) } else { (0, 0) }
        );
        for text in texts {
            assert!(self.html.contains(text), "{text}: {}", self.html);
        }
    }
}

impl<'a> Browser<'a> {
    fn new(world: &'a World) -> Self {
        let client = reqwest::Client::builder().redirect(Policy::none());
        Self {
            world,
            client: client.pool_max_idle_per_host(0).build().unwrap(),
            cookie: String::new(),
            origin: world.base.clone(),
        }
    }

    async fn send(&mut self, method: Method, path: &str, body: Option<&str>) -> Page {
        let url = format!("{}{path}", self.world.base);
        let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let mut request = self.client.request(method, url).header("accept", accept);
        if let Some(body) = body {
            request = form(request, body).header("origin", &self.origin);
        }
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        if let Some(set) = headers.get("set-cookie") {
            let set = set.to_str().unwrap();
            set.split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        let html = response.text().await.unwrap();
        Page {
            status,
            headers,
            html,
        }
    }

    async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, None).await
    }

    async fn post(&mut self, path: &str, body: &str) -> Page {
        self.send(Method::POST, path, Some(body)).await
    }

    async fn register(&mut self, username: &str) {
        let body =
            format!("username={username}&password1=correct+horse&password2=correct+horse&email=");
        self.post("/chat/register/", &body).await.leads_to("/chat/");
    }
}

pub(crate) async fn a_browser_needs_forms_alone(database: Database) {
    let world = World::start(database).await;
    let (mut ali, mut sara) = (Browser::new(&world), Browser::new(&world));
    ali.get("/chat/register/")
        .await
        .shows(200, &["ثبت‌نام", "password2"]);
    ali.register("ali").await;
    sara.register("%D8%B3%D8%A7%D8%B1%D8%A7").await;
    ali.get("/chat/")
        .await
        .shows(200, &["گروهی نیست", "create_group"]);
    let style = ali.get("/chat/style.css").await;
    assert_eq!(
        (style.status.as_u16(), style.header("content-type")),
        (200, "text/css; charset=utf-8")
    );
    let script = ali.get("/chat/enter.js").await;
    assert_eq!(
        (script.status.as_u16(), script.header("content-type")),
        (200, "text/javascript; charset=utf-8")
    );

    let made = ali
        .post(
            "/chat/create_group/",
            "group_name=%3Cscript%3Ex+y&slug=&type=public",
        )
        .await;
    made.leads_to("/chat/group/script-x-y/");
    let page = ali.get("/chat/group/script-x-y/").await;
    page.shows(200, &["&lt;script&gt;x y", "delete_group", "add_member"]);
    let sent = ali
        .post(
            "/chat/group/script-x-y/",
            "message=%3Cscript%3Ealert%281%29%3C%2Fscript%3E",
        )
        .await;
    sent.leads_to("/chat/group/script-x-y/");
    let page = sara.get("/chat/group/script-x-y/").await;
    page.shows(200, &["&lt;script&gt;alert(1)", "پیوستن به گروه"]);
    assert!(!page.html.contains("delete_group"));
    sara.post("/chat/group/script-x-y/", "join=1")
        .await
        .leads_to("/chat/group/script-x-y/");
    sara.get("/chat/?search_term=script")
        .await
        .shows(200, &["&lt;script&gt;x y"]);

    sara.get("/chat/chat/private/?username=ali")
        .await
        .leads_to("/chat/chat/private/ali/");
    sara.get("/chat/chat/private/ali/")
        .await
        .shows(200, &["پیامی نیست"]);
    let sent = sara
        .post(
            "/chat/chat/private/ali/",
            "message=%D8%B3%D9%84%D8%A7%D9%85",
        )
        .await;
    sent.leads_to("/chat/chat/private/ali/");
    let with_sara = "/chat/chat/private/%D8%B3%D8%A7%D8%B1%D8%A7/";
    let badge = r#"<span class="badge">1</span>"#;
    ali.get("/chat/")
        .await
        .shows(200, &["سلام", badge, with_sara]);
    ali.get(with_sara).await.shows(200, &["سلام"]);
    // Seen is read.
    assert!(!ali.get("/chat/").await.html.contains(badge));

    ali.post("/chat/profile/", "first_name=Ali&last_name=%22%3E%3Cb%3E")
        .await
        .leads_to("/chat/profile/");
    ali.get("/chat/profile/")
        .await
        .shows(200, &["&quot;&gt;&lt;b&gt;"]);
    ali.post("/chat/delete_group/script-x-y/", "")
        .await
        .leads_to("/chat/");
    ali.get("/chat/group/script-x-y/")
        .await
        .shows(404, &["چنین اتاقی یافت نشد"]);
    ali.post("/chat/logout/", "").await.leads_to("/chat/login/");
    assert_eq!(ali.cookie, "sessionid=");
    ali.get("/chat/").await.leads_to("/chat/login/");
}

pub(crate) async fn who_is_not_signed_in_is_led_to_where_one_does(database: Database) {
    let world = World::start(database).await;
    let mut ali = Browser::new(&world);
    ali.register("ali").await;
    ali.cookie.clear();
    let page = ali.get("/chat/group/%D8%A7/?before=3").await;
    let next = "%2Fchat%2Fgroup%2F%25D8%25A7%2F%3Fbefore%3D3";
    page.leads_to(&format!("/chat/login/?next={next}"));
    let page = ali.get(page.header("location")).await;
    page.shows(200, &[r#"value="/chat/group/%D8%A7/?before=3""#]);
    let body = format!("next={next}&username=ali&password=correct+horse");
    ali.post("/chat/login/", &body)
        .await
        .leads_to("/chat/group/%D8%A7/?before=3");
    for elsewhere in [
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example%2Fchat%2F",
        "%2Fchat%2F%5C..",
        "",
    ] {
        let body = format!("next={elsewhere}&username=ali&password=correct+horse");
        ali.post("/chat/login/", &body).await.leads_to("/chat/");
    }
    "sessionid=forged".clone_into(&mut ali.cookie);
    ali.get("/chat/").await.leads_to("/chat/login/");
    ali.post("/chat/create_group/", "group_name=x&type=public")
        .await
        .leads_to("/chat/login/");
}

pub(crate) async fn what_is_wrong_is_told_on_the_page(database: Database) {
    let world = World::start(database).await;
    let mut ali = Browser::new(&world);
    let body = "username=%3Cb%3E&password1=correct+horse&password2=other+horse";
    let page = ali.post("/chat/register/", body).await;
    page.shows(400, &["تکرار گذرواژه", r#"value="&lt;b&gt;""#]);
    assert_eq!(ali.cookie, "");
    ali.register("ali").await;
    let page = ali
        .post(
            "/chat/login/",
            "username=ali&password=wrong+horse&next=%2Fchat%2Fprofile%2F",
        )
        .await;
    page.shows(
        400,
        &[
            "نام کاربری یا گذرواژه نادرست است",
            r#"value="/chat/profile/""#,
            r#"value="ali""#,
        ],
    );
    let page = ali
        .post("/chat/create_group/", "group_name=x&type=secret")
        .await;
    page.shows(400, &["نوع گروه"]);
    ali.get("/chat/delete_group/x/")
        .await
        .shows(405, &["مجاز نیست"]);
    ali.get("/chat/nowhere/").await.shows(404, &["یافت نشد"]);
    ali.get("/chat/chat/private/nobody/")
        .await
        .shows(404, &["چنین کاربری"]);
}

pub(crate) async fn forms_of_other_sites_change_nothing(database: Database) {
    let world = World::start(database).await;
    let mut ali = Browser::new(&world);
    ali.register("ali").await;
    ali.post("/chat/create_group/", "group_name=mine&type=private")
        .await
        .leads_to("/chat/group/mine/");
    let own = std::mem::replace(&mut ali.origin, "https://evil.example".to_owned());
    for (path, body) in [
        ("/chat/create_group/", "group_name=x&type=public"),
        ("/chat/group/mine/", "message=x"),
        ("/chat/delete_group/mine/", ""),
        ("/chat/profile/", "first_name=x"),
        ("/chat/logout/", ""),
        ("/chat/login/", "username=ali&password=correct+horse"),
        (
            "/chat/register/",
            "username=x&password1=correct+horse&password2=correct+horse",
        ),
    ] {
        let cookie = ali.cookie.clone();
        let page = ali.post(path, body).await;
        page.shows(403, &["این مبدأ مجاز نیست"]);
        assert_eq!(
            (ali.cookie.as_str(), page.header("set-cookie")),
            (cookie.as_str(), "")
        );
    }
    ali.origin = own;
    ali.get("/chat/group/mine/")
        .await
        .shows(200, &["پیامی نیست"]);
}
