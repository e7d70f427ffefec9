use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::test_server::TestServer;
use super::super::{
    AdminClient, AttributeMatch, CallResult, CallWatcher, Connection, Error, GroupId, GroupQuery,
    GroupRepresentation, Membership, OrganizationId, UserId, UserRepresentation, http_client,
};

const BASE: &str = "/admin/realms/acme";
const HIDDEN: &str = "99285a9e";

fn connection(server: &TestServer) -> Connection {
    let second = Duration::from_secs(1);
    let http = http_client(second, second, None, None).unwrap();
    Connection::new(server.url.clone(), "acme", "scimgate", "s3cret".into(), http)
}

fn client(server: &TestServer) -> AdminClient {
    Arc::new(connection(server)).for_request("request-1")
}

fn within(server: &TestServer) -> AdminClient {
    client(server).within(organization())
}

fn organization() -> OrganizationId {
    OrganizationId::try_from("0a1b").unwrap()
}

fn user() -> UserId {
    UserId::try_from("74326c51").unwrap()
}

fn group(id: &str) -> GroupId {
    GroupId::try_from(id).unwrap()
}

/// A group at the top level of the organization, as Keycloak shows it.
fn top(id: &str, name: &str) -> Value {
    json!({
        "id": id, "name": name, "path": format!("/{name}"), "parentId": HIDDEN, "subGroupCount": 1, "subGroups": [],
        "attributes": { "scim.managed": ["org:0a1b"] },
    })
}

fn reply(server: &TestServer, body: &Value) {
    server.reply(200, &body.to_string());
}

/// The lines without what all have.
fn lines(server: &TestServer) -> Vec<String> {
    server.lines().iter().map(|line| line.replace(BASE, "")).collect()
}

#[tokio::test]
async fn every_call_about_groups_goes_to_the_organization() {
    let server = TestServer::start().await;
    let client = within(&server);
    let (one, two) = (group("e9da"), group("2e70"));
    let wanted = GroupRepresentation { name: "Eng".into(), ..GroupRepresentation::default() };
    reply(&server, &json!([]));
    client.every_group(&GroupQuery::default()).await.unwrap();
    reply(&server, &json!([]));
    client.subgroups(&one).await.unwrap();
    server.reply_location(201, "http://k/admin/realms/acme/organizations/0a1b/groups/e9da");
    assert_eq!(client.create_group(None, &wanted).await.unwrap(), one);
    server.reply_location(201, "http://k/admin/realms/acme/organizations/0a1b/groups/e9da/children/2e70");
    assert_eq!(client.create_group(Some(&one), &wanted).await.unwrap(), two);
    for _ in 0..3 {
        server.reply(204, "");
    }
    client.update_group(&one, &wanted).await.unwrap();
    client.move_group(&two, "Two", None).await.unwrap();
    client.move_group(&two, "Two", Some(&one)).await.unwrap();
    reply(&server, &json!([]));
    client.group_members(&one, 0, 7).await.unwrap();
    reply(&server, &json!([]));
    client.user_groups(&user()).await.unwrap();
    for _ in 0..3 {
        server.reply(204, "");
    }
    client.join_group(&user(), &one).await.unwrap();
    client.leave_group(&user(), &one).await.unwrap();
    client.delete_group(&one).await.unwrap();
    for _ in 0..2 {
        reply(&server, &json!([]));
    }
    client.group_realm_roles(&one).await.unwrap();
    client.group_client_roles(&one, "c1").await.unwrap();
    for _ in 0..2 {
        server.reply(204, "");
    }
    client.map_group_roles(&one, None, &[]).await.unwrap();
    client.unmap_group_roles(&one, Some("c1"), &[]).await.unwrap();
    let window = "first=0&max=1000&briefRepresentation=false";
    assert_eq!(
        lines(&server),
        [
            format!(
                "GET /organizations/0a1b/groups?search=+&populateHierarchy=false&subGroupsCount=true&{window}"
            ),
            format!("GET /organizations/0a1b/groups/e9da/children?subGroupsCount=true&{window}"),
            "POST /organizations/0a1b/groups".to_owned(),
            "POST /organizations/0a1b/groups/e9da/children".to_owned(),
            "PUT /organizations/0a1b/groups/e9da".to_owned(),
            "POST /organizations/0a1b/groups".to_owned(),
            "POST /organizations/0a1b/groups/e9da/children".to_owned(),
            "GET /organizations/0a1b/groups/e9da/members?first=0&max=7&briefRepresentation=false".to_owned(),
            format!("GET /organizations/0a1b/members/74326c51/groups?subGroupsCount=true&{window}"),
            "PUT /organizations/0a1b/groups/e9da/members/74326c51".to_owned(),
            "DELETE /organizations/0a1b/groups/e9da/members/74326c51".to_owned(),
            "DELETE /organizations/0a1b/groups/e9da".to_owned(),
            "GET /organizations/0a1b/groups/e9da/role-mappings/realm/composite".to_owned(),
            "GET /organizations/0a1b/groups/e9da/role-mappings/clients/c1/composite".to_owned(),
            "POST /organizations/0a1b/groups/e9da/role-mappings/realm".to_owned(),
            "DELETE /organizations/0a1b/groups/e9da/role-mappings/clients/c1".to_owned(),
        ]
    );
}

#[tokio::test]
async fn the_top_level_of_an_organization_has_no_parent() {
    let server = TestServer::start().await;
    let client = within(&server);
    let below =
        json!({ "id": "2e70", "name": "Eng", "path": "/Eng/Eng", "parentId": "e9da", "subGroups": [] });
    let slash = json!({ "id": "7b11", "name": "a/b", "path": "/a/b", "parentId": HIDDEN });
    let escaped = json!({ "id": "7b12", "name": "c/d", "path": "/c~/d", "parentId": HIDDEN });
    reply(&server, &json!([top("e9da", "Eng"), below, slash, escaped]));
    let found = client.every_group(&GroupQuery::default()).await.unwrap();
    let parents: Vec<_> = found.iter().map(|group| group.parent_id.as_ref().map(AsRef::as_ref)).collect();
    assert_eq!(parents, [None, Some("e9da"), None, None]);
    reply(&server, &top("e9da", "Eng"));
    let read = client.group(&group("e9da")).await.unwrap().unwrap();
    assert_eq!((read.parent_id, read.sub_group_count), (None, Some(1)));
    assert!(lines(&server)[1].ends_with("/groups/e9da?subGroupsCount=true"), "{:?}", lines(&server));
}

#[tokio::test]
async fn the_hidden_group_of_an_organization_is_none() {
    let server = TestServer::start().await;
    let hidden = json!({ "id": HIDDEN, "name": "0a1b", "path": "/0a1b", "subGroups": [] });
    reply(&server, &hidden);
    assert_eq!(within(&server).group(&group(HIDDEN)).await.unwrap(), None);
    reply(&server, &json!([hidden]));
    assert!(within(&server).every_group(&GroupQuery::default()).await.unwrap().is_empty());
    // In a realm such a group is one of many.
    reply(&server, &hidden);
    assert!(client(&server).group(&group(HIDDEN)).await.unwrap().is_some());
}

#[tokio::test]
async fn subgroups_come_with_their_attributes() {
    let server = TestServer::start().await;
    let child =
        json!({ "id": "2e70", "name": "Two", "path": "/Eng/Two", "parentId": "e9da", "subGroups": [] });
    let mut whole = child.clone();
    whole["attributes"] = json!({ "scim.managed": ["org:0a1b"] });
    let gone = json!({ "id": "ffff", "name": "Z", "path": "/Eng/Z", "parentId": "e9da" });
    reply(&server, &json!([child, gone]));
    reply(&server, &whole);
    server.reply(404, r#"{"errorMessage":"Group does not exist"}"#);
    let found = within(&server).subgroups(&group("e9da")).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].attributes.as_ref().unwrap()["scim.managed"], ["org:0a1b"]);
}

#[tokio::test]
async fn a_group_below_another_gets_its_attributes_or_goes_again() {
    let server = TestServer::start().await;
    let above = group("e9da");
    let attributes = Some([("scim.managed".to_owned(), vec!["org:0a1b".to_owned()])].into());
    let wanted = GroupRepresentation { name: "Two".into(), attributes, ..GroupRepresentation::default() };
    let made = || {
        server.reply_location(201, "http://k/groups/e9da/children/2e70");
    };
    made();
    server.reply(204, "");
    assert_eq!(within(&server).create_group(Some(&above), &wanted).await.unwrap(), group("2e70"));
    made();
    server.reply(500, "").reply(204, "");
    let error = within(&server).create_group(Some(&above), &wanted).await.unwrap_err();
    assert!(matches!(error, Error::Server { status: 500, .. }), "{error:?}");
    // At the top level, and in a realm, they come with the creation.
    made();
    within(&server).create_group(None, &wanted).await.unwrap();
    made();
    client(&server).create_group(Some(&above), &wanted).await.unwrap();
    let create = "POST /organizations/0a1b/groups/e9da/children";
    let write = "PUT /organizations/0a1b/groups/2e70";
    let delete = "DELETE /organizations/0a1b/groups/2e70";
    assert_eq!(
        lines(&server),
        [
            create,
            write,
            create,
            write,
            delete,
            "POST /organizations/0a1b/groups",
            "POST /groups/e9da/children"
        ]
    );
    assert!(server.seen()[1].body.contains("org:0a1b"));
}

#[tokio::test]
async fn attributes_are_compared_with_case_in_an_organization_too() {
    let server = TestServer::start().await;
    let mut other = top("2e70", "Two");
    other["attributes"]["scim.managed"] = json!(["ORG:0A1B"]);
    reply(&server, &json!([top("e9da", "Eng"), other]));
    let attributes = vec![AttributeMatch::new("scim.managed", "org:0a1b").unwrap()];
    let found = within(&server).every_group(&GroupQuery { attributes, search: None }).await.unwrap();
    assert_eq!(found.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["Eng"]);
}

#[tokio::test]
async fn a_search_in_an_organization_is_anywhere_in_a_name_and_leaves_open_what_it_cannot_say() {
    let server = TestServer::start().await;
    let query = GroupQuery { search: Some(r"a_b%c\d".into()), ..GroupQuery::default() };
    reply(&server, &json!([]));
    within(&server).every_group(&query).await.unwrap();
    reply(&server, &json!([]));
    client(&server).every_group(&query).await.unwrap();
    let lines = lines(&server);
    assert!(lines[0].contains("search=*a*b*c*d*&"), "{lines:?}");
    assert!(lines[1].contains("search=a_b%25c%5Cd&"), "{lines:?}");
}

#[tokio::test]
async fn what_is_elsewhere_is_not_there() {
    let server = TestServer::start().await;
    let refuse = |message: &str| {
        server.reply(400, &json!({ "errorMessage": message }).to_string());
    };
    let other = "Group does not belong to the organization";
    let client = within(&server);
    refuse(other);
    assert_eq!(client.group(&group("0e04")).await.unwrap(), None);
    for refusal in [other, "User is not member of the organization"] {
        refuse(refusal);
        let error = client.join_group(&user(), &group("0e04")).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    }
    refuse(other);
    assert!(matches!(client.delete_group(&group("0e04")).await, Err(Error::NotFound { .. })));
    for refusal in ["Group does not belong to this organization", "Can only move organization groups"] {
        refuse(refusal);
        let error = client.move_group(&group("0e04"), "Eng", None).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    }
    // The realm's own endpoints refuse every organization's.
    let client = self::client(&server);
    refuse("Cannot manage organization related group via non Organization API.");
    assert_eq!(client.group(&group("0e04")).await.unwrap(), None);
    refuse("Cannot access organization related group via non Organization API.");
    let error = client.leave_group(&user(), &group("0e04")).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    // Any other refusal stays one.
    refuse("Database operation failed");
    let error = client.move_group(&group("0e04"), "Eng", None).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
}

#[tokio::test]
async fn an_organization_that_is_missing_is_no_empty_one() {
    let server = TestServer::start().await;
    let client = within(&server);
    for missing in ["Organization not found.", "Organizations not enabled for this realm."] {
        let body = json!({ "errorMessage": missing }).to_string();
        for _ in 0..6 {
            server.reply(404, &body);
        }
        let errors = [
            client.group(&group("e9da")).await.map(drop).unwrap_err(),
            client.user_groups(&user()).await.map(drop).unwrap_err(),
            client.organization_member(&organization(), &user()).await.map(drop).unwrap_err(),
            client.remove_organization_member(&organization(), &user()).await.unwrap_err(),
            client.organizations_of(&user()).await.map(drop).unwrap_err(),
            client.every_group(&GroupQuery::default()).await.map(drop).unwrap_err(),
        ];
        assert!(errors.iter().all(Error::is_organization_missing), "{errors:?}");
    }
    server.reply(404, r#"{"errorMessage":"Organization not found."}"#);
    assert_eq!(client.organization(&organization()).await.unwrap(), None);
    server.reply(404, r#"{"errorMessage":"Organizations not enabled for this realm."}"#);
    assert!(client.organization(&organization()).await.unwrap_err().is_organization_missing());
}

#[tokio::test]
async fn joining_again_is_done_where_it_is() {
    let server = TestServer::start().await;
    let client = within(&server);
    let again = r#"{"errorMessage":"User is already a member of the group"}"#;
    server.reply(409, again);
    reply(&server, &json!([top("e9da", "Eng")]));
    client.join_group(&user(), &group("e9da")).await.unwrap();
    server.reply(409, again);
    reply(&server, &json!([]));
    assert!(matches!(client.join_group(&user(), &group("e9da")).await, Err(Error::Conflict { .. })));
}

#[tokio::test]
async fn becoming_a_member_again_is_done_and_leaving_twice_too() {
    let server = TestServer::start().await;
    let client = client(&server);
    let (organization, user) = (organization(), user());
    server.reply(201, "");
    client.add_organization_member(&organization, &user).await.unwrap();
    let again = r#"{"errorMessage":"User is already a member of the organization."}"#;
    server.reply(409, again).reply(200, r#"{"id":"74326c51","membershipType":"UNMANAGED"}"#);
    client.add_organization_member(&organization, &user).await.unwrap();
    server.reply(409, again).reply(404, r#"{"error":"HTTP 404 Not Found"}"#);
    let error = client.add_organization_member(&organization, &user).await.unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }), "{error:?}");
    server.reply(404, r#"{"error":"HTTP 404 Not Found"}"#);
    client.remove_organization_member(&organization, &user).await.unwrap();
    let seen = server.seen();
    assert_eq!(
        (lines(&server)[0].as_str(), seen[0].body.as_str()),
        ("POST /organizations/0a1b/members", r#""74326c51""#)
    );
    assert_eq!(lines(&server)[5], "DELETE /organizations/0a1b/members/74326c51");
}

#[tokio::test]
async fn a_membership_of_unknown_kind_counts_as_managed() {
    let server = TestServer::start().await;
    let client = client(&server);
    for (kind, managed) in [("UNMANAGED", false), ("MANAGED", true), ("OTHER", true)] {
        reply(&server, &json!({ "id": "74326c51", "membershipType": kind }));
        let membership = client.organization_member(&organization(), &user()).await.unwrap();
        assert_eq!(membership, Some(Membership { managed }), "{kind}");
    }
    server.reply(404, r#"{"error":"HTTP 404 Not Found"}"#);
    assert_eq!(client.organization_member(&organization(), &user()).await.unwrap(), None);
}

#[tokio::test]
async fn members_can_be_written_back() {
    let server = TestServer::start().await;
    let member = json!([{ "id": "74326c51", "username": "babs", "membershipType": "UNMANAGED" }]);
    reply(&server, &member);
    let members = client(&server).organization_members(&organization(), 0, u32::MAX).await.unwrap();
    let plain = json!([{ "id": "74326c51", "username": "babs" }]);
    assert_eq!(serde_json::to_value(&members).unwrap(), plain);
    reply(&server, &member);
    let members = within(&server).group_members(&group("e9da"), 0, 1).await.unwrap();
    assert_eq!(serde_json::to_value(&members).unwrap(), plain);
    assert_eq!(
        lines(&server)[0],
        "GET /organizations/0a1b/members?first=0&max=1000&briefRepresentation=true"
    );
}

#[tokio::test]
async fn organizations_are_read_to_the_last_page() {
    let server = TestServer::start().await;
    let one = json!({ "id": "0a1b", "name": "Contoso", "alias": "contoso", "enabled": true,
        "attributes": { "k": ["v"] }, "domains": [{ "name": "contoso.com", "verified": false }] });
    reply(&server, &Value::from(vec![one.clone(); 1000]));
    reply(&server, &json!([one]));
    let all = client(&server).organizations().await.unwrap();
    assert_eq!(all.len(), 1001);
    let last = &all[1000];
    assert_eq!((last.id.as_ref(), last.alias.as_str()), (Some(&organization()), "contoso"));
    assert_eq!(last.attributes["k"], ["v"]);
    assert_eq!(lines(&server)[1], "GET /organizations?first=1000&max=1000&briefRepresentation=false");
}

#[tokio::test]
async fn a_dry_run_within_an_organization_reads_back_what_it_would_write() {
    let server = TestServer::start().await;
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let watcher = CallWatcher::new(move |made| tell.lock().unwrap().push((made.path, made.result)));
    let dry = Arc::new(connection(&server).watched(watcher).dry());
    let client = dry.for_request("request-1").within(organization());
    let babs = UserRepresentation { username: Some("babs".into()), ..UserRepresentation::default() };

    // A user, and their membership.
    reply(&server, &json!({}));
    reply(&server, &json!([]));
    reply(&server, &json!([]));
    let made = client.create_user(&babs).await.unwrap();
    client.add_organization_member(&organization(), &made).await.unwrap();
    assert_eq!(
        client.organization_member(&organization(), &made).await.unwrap(),
        Some(Membership { managed: false })
    );
    reply(&server, &json!({ "id": "0a1b", "name": "Contoso", "alias": "contoso", "enabled": true }));
    assert_eq!(client.organizations_of(&made).await.unwrap()[0].alias, "contoso");
    client.remove_organization_member(&organization(), &made).await.unwrap();
    assert_eq!(client.organization_member(&organization(), &made).await.unwrap(), None);

    // A group, and one that is there already.
    let wanted = GroupRepresentation { name: "New".into(), ..GroupRepresentation::default() };
    let created = client.create_group(None, &wanted).await.unwrap();
    let read = client.group(&created).await.unwrap().unwrap();
    assert_eq!((read.name.as_str(), read.parent_id), ("New", None));
    reply(&server, &top("e9da", "Eng"));
    reply(&server, &json!([top("e9da", "Eng"), top("2e70", "Two")]));
    let two = GroupRepresentation { name: "Two".into(), ..GroupRepresentation::default() };
    let error = client.update_group(&group("e9da"), &two).await.unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }), "{error:?}");
    reply(&server, &top("e9da", "Eng"));
    reply(&server, &json!([]));
    client
        .update_group(&group("e9da"), &GroupRepresentation { name: "Eng2".into(), ..wanted.clone() })
        .await
        .unwrap();
    reply(&server, &top("e9da", "Eng"));
    let read = client.group(&group("e9da")).await.unwrap().unwrap();
    assert_eq!((read.name.as_str(), read.parent_id), ("Eng2", None));
    client.join_group(&user(), &group("e9da")).await.unwrap();
    reply(&server, &json!([]));
    reply(&server, &json!([{ "id": "74326c51", "username": "babs" }]));
    assert_eq!(client.group_members(&group("e9da"), 0, 10).await.unwrap().len(), 1);

    assert!(server.lines().iter().all(|line| line.starts_with("GET ")), "{:?}", server.lines());
    let planned: Vec<_> = told
        .lock()
        .unwrap()
        .iter()
        .filter(|(_, result)| *result == CallResult::Planned)
        .map(|(path, _)| *path)
        .filter(|path| path.starts_with("organizations/{organization}/"))
        .collect();
    assert_eq!(
        planned,
        [
            "organizations/{organization}/members",
            "organizations/{organization}/members/{id}",
            "organizations/{organization}/members/{id}",
            "organizations/{organization}/groups",
            "organizations/{organization}/groups/{id}",
            "organizations/{organization}/groups/{id}",
            "organizations/{organization}/groups/{group}/members/{id}",
        ]
    );
}
