//! The notices of maintenance, in the three shapes in which versions of SciGateway send them.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::list_backends;

use crate::client::{decode_part, list_audit_rows};
use crate::scigateway_client::{log_in, read_failure, start_app};

#[tokio::test]
async fn the_three_shapes_of_maintenance_are_accepted_from_administrators() {
    for backend in list_backends() {
        let app = start_app(&backend).await;
        let (root, _) = log_in(&app, "root").await;
        let (uma, _) = log_in(&app, "uma").await;
        assert_eq!(decode_part(&root, 1)["userIsAdmin"], true);
        for (path, field, name, mut notice) in [
            ("maintenance", "maintenance", "Maintenance", json!({"show": true, "message": "a"})),
            (
                "scheduled_maintenance",
                "scheduledMaintenance",
                "Scheduled maintenance",
                json!({"show": true, "message": "a", "severity": "information"}),
            ),
        ] {
            let url = format!("{}/auth/{path}", app.public);
            let send = |method: Method, token: Option<&str>, body: &Value| {
                let request = app.http.request(method, &url).json(body);
                token.map_or(request.try_clone().unwrap(), |token| request.bearer_auth(token)).send()
            };
            let get = async || app.http.get(&url).send().await.unwrap().json::<Value>().await.unwrap();
            let unset = get().await;
            assert_eq!((&unset["show"], &unset["message"]), (&json!(false), &json!("")));

            let updated = format!("\"{name} state successfully updated\"");
            let shapes: [(&str, Method, Option<&str>); 3] = [
                ("3.0.1", Method::PUT, None),
                ("header", Method::PUT, Some(&root)),
                ("branch", Method::POST, Some(&root)),
            ];
            for (shape, method, token) in shapes {
                notice["message"] = shape.into();
                let body = if token.is_none() { json!({"token": root, field: notice}) } else { notice.clone() };
                let answer = send(method, token, &body).await.unwrap();
                assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (200, updated.clone()), "{shape}");
                assert_eq!(get().await, notice, "{shape}");
            }
            if path == "scheduled_maintenance" {
                for severity in ["success", "warning", "error", "information", "info", "whatever"] {
                    notice["severity"] = severity.into();
                    assert_eq!(send(Method::PUT, Some(&root), &notice).await.unwrap().status(), 200, "{severity}");
                    assert_eq!(get().await["severity"], severity);
                }
            }

            let refused = format!("Unable to update {} state", name.to_lowercase());
            for token in [uma.as_str(), "x.y.z"] {
                let failure = read_failure(send(Method::PUT, Some(token), &notice).await.unwrap()).await;
                assert_eq!(failure, (403, refused.as_str().into()));
                let body = json!({"token": token, field: notice});
                assert_eq!(send(Method::PUT, None, &body).await.unwrap().status(), 403);
            }
            let nobody = send(Method::PUT, None, &notice).await.unwrap();
            assert_eq!(nobody.headers()["www-authenticate"], "Bearer");
            assert_eq!(read_failure(nobody).await, (401, "Not authenticated".into()));
            let wrong = send(Method::PUT, Some(&uma), &json!({"show": "x"})).await.unwrap();
            assert_eq!(wrong.status(), 422, "before the token is looked at");
            let long = json!({"show": true, "message": "x".repeat(4097), "severity": "info"});
            assert_eq!(send(Method::PUT, Some(&root), &long).await.unwrap().status(), 422);
        }
        let rows = list_audit_rows(&app).await;
        assert!(rows.iter().any(|row| row.kind == "maintenance" && row.user_name.as_deref() == Some("fresh/root")));
        app.stop().await;
    }
}
